/** What the sign-in mail says, in every language this product writes in; English where a person's language is not among them. */

/** The sentences of a sign-in mail. None of them may hold six digits in a row or a URL: readers find the code and the link by those. */
export interface LoginTexts {
  readonly subject: (code: string, district: string) => string
  readonly codeLabel: string
  readonly codeLife: (minutes: number) => string
  readonly linkLabel: (minutes: number) => string
  readonly button: string
  readonly plainLink: string
  readonly greeting: (first: string) => string
  readonly why: (district: string) => string
  readonly notYou: string
  readonly keepSecret: string
}

const texts = {
  en: {
    subject: (code, district) => `${code} is your sign-in code for ${district}`,
    codeLabel: 'Your sign-in code:',
    codeLife: (minutes) => `It works once, within ${minutes} minutes.`,
    linkLabel: (minutes) => `Or sign in with this link. It works once, within ${minutes} minutes:`,
    button: 'Sign in',
    plainLink: 'If the button does not work, open this address:',
    greeting: (first) => `Hello ${first},`,
    why: (district) => `you receive this mail because somebody asked to sign in to ${district} with your address.`,
    notYou: 'If it was not you, ignore this mail: without it nobody can sign in as you.',
    keepSecret: 'Do not give the code or the link to anybody, and do not forward this mail.',
  },
  es: {
    subject: (code, district) => `${code} es tu código de acceso a ${district}`,
    codeLabel: 'Tu código de acceso:',
    codeLife: (minutes) => `Sirve una sola vez, durante ${minutes} minutos.`,
    linkLabel: (minutes) => `También puedes entrar con este enlace. Sirve una sola vez, durante ${minutes} minutos:`,
    button: 'Iniciar sesión',
    plainLink: 'Si el botón no funciona, abre esta dirección:',
    greeting: (first) => `Hola, ${first}:`,
    why: (district) => `recibes este correo porque alguien ha pedido iniciar sesión en ${district} con tu dirección.`,
    notYou: 'Si no has sido tú, ignora este correo: sin él nadie puede entrar en tu nombre.',
    keepSecret: 'No des el código ni el enlace a nadie, y no reenvíes este correo.',
  },
  fr: {
    subject: (code, district) => `${code} est votre code de connexion à ${district}`,
    codeLabel: 'Votre code de connexion :',
    codeLife: (minutes) => `Il fonctionne une seule fois, pendant ${minutes} minutes.`,
    linkLabel: (minutes) => `Ou connectez-vous avec ce lien. Il fonctionne une seule fois, pendant ${minutes} minutes :`,
    button: 'Se connecter',
    plainLink: 'Si le bouton ne fonctionne pas, ouvrez cette adresse :',
    greeting: (first) => `Bonjour ${first},`,
    why: (district) => `vous recevez ce message parce que quelqu’un a demandé à se connecter à ${district} avec votre adresse.`,
    notYou: 'Si ce n’était pas vous, ignorez ce message : sans lui, personne ne peut se connecter à votre place.',
    keepSecret: 'Ne donnez ni le code ni le lien à personne, et ne transférez pas ce message.',
  },
  pt: {
    subject: (code, district) => `${code} é o seu código de acesso a ${district}`,
    codeLabel: 'O seu código de acesso:',
    codeLife: (minutes) => `Funciona uma única vez, durante ${minutes} minutos.`,
    linkLabel: (minutes) => `Ou entre com este link. Funciona uma única vez, durante ${minutes} minutos:`,
    button: 'Entrar',
    plainLink: 'Se o botão não funcionar, abra este endereço:',
    greeting: (first) => `Olá, ${first},`,
    why: (district) => `você recebe este e-mail porque alguém pediu para entrar em ${district} com o seu endereço.`,
    notYou: 'Se não foi você, ignore este e-mail: sem ele ninguém pode entrar em seu nome.',
    keepSecret: 'Não dê o código nem o link a ninguém e não encaminhe este e-mail.',
  },
  ko: {
    subject: (code, district) => `${code} – ${district} 로그인 코드`,
    codeLabel: '로그인 코드:',
    codeLife: (minutes) => `${minutes}분 동안 한 번만 사용할 수 있습니다.`,
    linkLabel: (minutes) => `또는 아래 링크로 로그인하세요. ${minutes}분 동안 한 번만 사용할 수 있습니다.`,
    button: '로그인',
    plainLink: '버튼이 작동하지 않으면 다음 주소를 여세요.',
    greeting: (first) => `${first} 님, 안녕하세요.`,
    why: (district) => `누군가 이 이메일 주소로 ${district}에 로그인을 요청하여 이 메일을 보내 드립니다.`,
    notYou: '본인이 요청하지 않았다면 이 메일을 무시하세요. 이 메일 없이는 아무도 대신 로그인할 수 없습니다.',
    keepSecret: '코드와 링크를 누구에게도 알려 주지 말고, 이 메일을 전달하지 마세요.',
  },
} satisfies Record<string, LoginTexts>

export type MailLanguage = keyof typeof texts
export const mailLanguages = Object.keys(texts) as readonly MailLanguage[]

/** The language written to somebody who has this BCP 47 tag: its primary subtag (pt-BR gets pt), else English. */
export function mailLanguage(tag: string): MailLanguage {
  const primary = tag.split(/[-_]/)[0]!.toLowerCase()
  return mailLanguages.find((language) => language === primary) ?? 'en'
}

export const loginTexts = (language: MailLanguage): LoginTexts => texts[language]
