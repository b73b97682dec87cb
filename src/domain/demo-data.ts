/** The demo district as a table: every name, answer and date in it is made up, every address belongs to nobody. */
import type { Multilingual } from './multilingual.ts'

export const demoDistrict = {
  name: {
    en: 'Northern Lakes District',
    es: 'Distrito de los Lagos del Norte',
    fr: 'District des Lacs du Nord',
    pt: 'Distrito dos Lagos do Norte',
    ko: '북부 호수 지구',
  } satisfies Multilingual,
  languages: ['en', 'es', 'fr', 'pt', 'ko'],
  admin: { first: 'Ruth', last: 'Ellison', email: 'admin@example.org' },
  ageDays: 900,
}

export type DemoPerson = readonly [address: string, first: string, last: string, language: string]

/** With their roles: rank 1 is primary, 2 secondary. */
export const demoStaff: readonly (readonly [...DemoPerson, roles: Readonly<Record<string, number>>])[] = [
  ['mentor@example.org', 'Samuel', 'Adeyemi', 'en', { '1b': 1 }],
  ['board@example.org', 'Élise', 'Fontaine', 'fr', { '1d': 1 }],
  ['miguel.ordonez@example.org', 'Miguel Ángel', 'Ordóñez', 'es', { '1d': 1, '1b': 2 }],
  ['soojin.jung@example.org', '수진', '정', 'ko', { '1d': 1 }],
]

const [samuel, miguel] = ['mentor@example.org', 'miguel.ordonez@example.org']

/** With their mentors, their tags, and how many days ago they came. */
export const demoCandidates: readonly (readonly [...DemoPerson, mentors: readonly string[], tags: readonly string[], daysAgo: number])[] = [
  ['candidate@example.org', 'Hannah', 'Whitfield', 'en', [samuel], ['first-interview'], 410],
  ['caleb.thornton@example.org', 'Caleb', 'Thornton', 'en', [samuel], ['ordination'], 820],
  ['grace.okafor@example.org', 'Grace', 'Okafor', 'en', [samuel, miguel], ['ordination', 'scholarship'], 760],
  ['micah.lindqvist@example.org', 'Micah', 'Lindqvist', 'en', [], ['transfer'], 130],
  ['abigail.oconnor@example.org', 'Abigail', "O'Connor", 'en', [samuel], [], 300],
  ['josiah.mueller@example.com', 'Josiah', 'Müller', 'en', [], ['renewal'], 615],
  ['maria.nunez@example.org', 'María Fernanda', 'Núñez', 'es', [miguel], ['ordination'], 702],
  ['joseluis.ibanez@example.org', 'José Luis', 'Ibáñez', 'es', [miguel], ['first-interview'], 255],
  ['lucia.pena@example.com', 'Lucía', 'Peña Herrera', 'es', [miguel], ['scholarship'], 480],
  ['andres.guiraldes@example.org', 'Andrés', 'Güiraldes', 'es', [], [], 90],
  ['sofia.castaneda@example.org', 'Sofía', 'Castañeda', 'es', [miguel, samuel], ['renewal'], 540],
  ['angel.ramirez@example.com', 'Ángel', 'Ramírez', 'es', [miguel], ['transfer'], 365],
  ['joao.goncalves@example.org', 'João', 'Gonçalves', 'pt', [miguel], ['ordination'], 690],
  ['conceicao.araujo@example.org', 'Conceição', 'Araújo', 'pt', [], ['first-interview'], 210],
  ['antonio.magalhaes@example.com', 'Antônio', 'Magalhães', 'pt-BR', [samuel], [], 330],
  ['ines.simoes@example.org', 'Inês', 'Simões', 'pt', [], ['scholarship'], 450],
  ['taina.souza@example.org', 'Tainá', 'de Souza', 'pt-BR', [miguel], ['renewal'], 580],
  ['zoe.lefevre@example.org', 'Zoé', 'Lefèvre', 'fr', [samuel], ['first-interview'], 160],
  ['francois.beranger@example.com', 'François', 'Béranger', 'fr', [], ['ordination'], 735],
  ['aimee.chatelain@example.org', 'Aimée', 'Châtelain', 'fr', [samuel], [], 395],
  ['noel.dieudonne@example.org', 'Noël', 'Dieudonné', 'fr', [], ['transfer'], 240],
  ['minjun.kim@example.org', '민준', '김', 'ko', [samuel], ['ordination'], 655],
  ['seoyeon.lee@example.org', '서연', '이', 'ko', [], ['scholarship'], 280],
  ['jihoon.park@example.com', '지훈', '박', 'ko', [samuel], ['first-interview'], 115],
  ['haeun.choi@example.org', '하은', '최', 'ko', [], [], 505],
]

export const demoArchived: readonly [...DemoPerson, daysAgo: number] = ['peter.halloran@example.org', 'Peter', 'Halloran', 'en', 880]

export interface Impression {
  readonly excited: Multilingual
  readonly workOn: Multilingual
  /** The private field: for the board alone. */
  readonly notes: Multilingual
}

/** What a board wrote down; interviews below name these. */
export const impressions = {
  teacher: {
    excited: {
      en: 'A gifted teacher: the example of the lost sheep stayed with all of us.',
      es: 'Un don para enseñar: el ejemplo de la oveja perdida nos quedó a todos.',
    },
    workOn: {
      en: 'Reading on church history before the next meeting.',
      es: 'Lectura de historia de la iglesia antes de la próxima reunión.',
    },
    notes: { en: 'Ask the seminary for the missing transcript.' },
  },
  steady: {
    excited: { en: 'Steady, honest, and loved by the congregation.', fr: 'Une personne constante, honnête et aimée de la communauté.' },
    workOn: {
      en: 'Delegating: not every visit has to be made in person.',
      fr: 'Déléguer : toutes les visites ne doivent pas être faites en personne.',
    },
    notes: {
      en: 'One member abstained; the reasons are in the minutes.',
      fr: "Un membre s'est abstenu ; les raisons figurent au procès-verbal.",
    },
  },
  pioneer: {
    excited: { es: 'Ha abierto dos grupos de barrio desde cero.', en: 'Has opened two neighbourhood groups from nothing.' },
    workOn: { es: 'Cuidar el descanso y la familia.', en: 'Looking after rest and family.' },
    notes: { es: 'Conviene que el mentor lo visite este trimestre.' },
  },
  listener: {
    excited: { pt: 'Sabe ouvir; as famílias procuram a sua ajuda.', en: 'Knows how to listen; families seek this help.' },
    workOn: { pt: 'Preparar os sermões com mais antecedência.', en: 'Preparing sermons earlier in the week.' },
    notes: { pt: 'Pedir a segunda carta de referência.', en: 'Ask for the second letter of reference.' },
  },
  musician: {
    excited: { fr: 'La musique rassemble ici trois générations.', en: 'Music brings three generations together here.' },
    workOn: { fr: 'Approfondir la théologie des sacrements.' },
    notes: { fr: 'Revoir dans six mois, avec la même commission.' },
  },
  scholar: {
    excited: { ko: '성경 언어에 대한 이해가 깊고 설명이 명확합니다.', en: 'Knows the biblical languages well and explains them clearly.' },
    workOn: { ko: '설교를 조금 더 짧게 준비하면 좋겠습니다.', en: 'Shorter sermons.' },
    notes: { ko: '다음 면접은 두 언어로 진행합니다.' },
  },
  early: {
    excited: { en: 'Much energy, and a clear call.', es: 'Mucha energía y un llamado claro.', pt: 'Muita energia e um chamado claro.' },
    workOn: {
      en: 'It is too early: finish the two courses that are open.',
      es: 'Es pronto: terminar los dos cursos abiertos.',
      pt: 'Ainda é cedo: concluir os dois cursos em aberto.',
    },
    notes: { en: 'Not ready yet; nobody doubts that it will come.' },
  },
} satisfies Record<string, Impression>

export interface DemoRecording {
  readonly name: string
  readonly url: string
  readonly transcript: string
  readonly summary: string
}

export const recordings = {
  caleb: {
    name: 'Ordination interview',
    url: 'https://media.example.org/interviews/thornton.mp3',
    transcript:
      'Board: What has changed since we met last year?\nCaleb: I used to prepare everything alone. Now three people share the Wednesday evenings, and they do it better than I did.',
    summary: 'Speaks about sharing the work: three others now lead the Wednesday evenings.',
  },
  maria: {
    name: 'Entrevista de ordenación',
    url: 'https://media.example.org/interviews/nunez.mp3',
    transcript:
      'Junta: ¿Qué la sostiene en las semanas difíciles?\nMaría Fernanda: La gente. Siempre hay alguien que llega antes que yo con el café hecho.',
    summary: 'Habla de lo que la sostiene: la comunidad, también en las semanas difíciles.',
  },
} satisfies Record<string, DemoRecording>

export interface DemoExtra {
  readonly recording?: keyof typeof recordings
  readonly quiz?: 0 | 1
}

const recommend = 1
const not = 2
const draft = false
const published = true

/** Who, how many days ago, whether candidate and mentors may see it, the recommendation and what was written. */
export const demoInterviews: readonly (readonly [
  address: string,
  daysAgo: number,
  published: boolean,
  recommendation: 1 | 2,
  impression: keyof typeof impressions,
  extra?: DemoExtra,
])[] = [
  ['candidate@example.org', 380, published, not, 'early', { quiz: 0 }],
  ['candidate@example.org', 40, published, recommend, 'teacher'],
  ['candidate@example.org', 6, draft, recommend, 'steady'],
  ['caleb.thornton@example.org', 770, published, not, 'early', { quiz: 0 }],
  ['caleb.thornton@example.org', 400, published, recommend, 'steady'],
  ['caleb.thornton@example.org', 33, published, recommend, 'teacher', { recording: 'caleb' }],
  ['grace.okafor@example.org', 700, published, recommend, 'pioneer'],
  ['grace.okafor@example.org', 350, published, recommend, 'teacher'],
  ['micah.lindqvist@example.org', 100, draft, not, 'early', { quiz: 0 }],
  ['abigail.oconnor@example.org', 270, published, recommend, 'listener'],
  ['abigail.oconnor@example.org', 12, draft, recommend, 'steady'],
  ['josiah.mueller@example.com', 590, published, recommend, 'steady'],
  ['josiah.mueller@example.com', 225, published, recommend, 'musician'],
  ['maria.nunez@example.org', 660, published, not, 'early'],
  ['maria.nunez@example.org', 310, published, recommend, 'pioneer'],
  ['maria.nunez@example.org', 33, published, recommend, 'teacher', { recording: 'maria' }],
  ['joseluis.ibanez@example.org', 220, published, recommend, 'listener'],
  ['lucia.pena@example.com', 430, published, recommend, 'pioneer'],
  ['lucia.pena@example.com', 61, published, recommend, 'teacher'],
  ['andres.guiraldes@example.org', 54, draft, not, 'early', { quiz: 0 }],
  ['sofia.castaneda@example.org', 500, published, recommend, 'steady'],
  ['sofia.castaneda@example.org', 145, published, recommend, 'listener'],
  ['angel.ramirez@example.com', 320, published, recommend, 'pioneer'],
  ['joao.goncalves@example.org', 640, published, recommend, 'listener'],
  ['joao.goncalves@example.org', 280, published, recommend, 'teacher'],
  ['joao.goncalves@example.org', 19, draft, recommend, 'steady'],
  ['conceicao.araujo@example.org', 175, published, not, 'early'],
  ['antonio.magalhaes@example.com', 290, published, recommend, 'listener'],
  ['ines.simoes@example.org', 400, published, recommend, 'musician'],
  ['taina.souza@example.org', 520, published, recommend, 'pioneer'],
  ['taina.souza@example.org', 75, published, recommend, 'steady'],
  ['zoe.lefevre@example.org', 120, published, not, 'early', { quiz: 0 }],
  ['francois.beranger@example.com', 690, published, recommend, 'musician'],
  ['francois.beranger@example.com', 335, published, recommend, 'steady'],
  ['aimee.chatelain@example.org', 360, published, recommend, 'musician'],
  ['noel.dieudonne@example.org', 200, draft, recommend, 'musician'],
  ['minjun.kim@example.org', 610, published, recommend, 'scholar'],
  ['minjun.kim@example.org', 250, published, recommend, 'teacher'],
  ['seoyeon.lee@example.org', 230, published, recommend, 'scholar'],
  ['jihoon.park@example.com', 82, draft, not, 'early', { quiz: 0 }],
  ['haeun.choi@example.org', 470, published, recommend, 'scholar'],
  ['peter.halloran@example.org', 840, published, not, 'early', { quiz: 0 }],
]
