/** Signs in with the token of a mailed link: read from the address, taken out of it at once, sent only at the click. */
import { ask, onSubmit, say } from '/assets/gateway.js'
import { textsFor } from '/assets/sign-in-texts.js'

const byId = (id) => document.getElementById(id)
const { language, says } = textsFor(navigator.languages)
const [confirm, again, message] = ['confirm', 'again', 'message'].map(byId)
let token = ''

function writeTexts() {
  document.documentElement.lang = language
  document.title = `${says.title} · Credentials Gateway`
  const places = {
    title: says.title,
    intro: says.intro,
    'confirm-button': says.button,
    'again-title': says.againTitle,
    'email-label': says.email,
    'again-button': says.again,
  }
  for (const [id, text] of Object.entries(places)) byId(id).textContent = text
}

/** History, screenshots and whoever looks over a shoulder do not get the token. */
function takeToken() {
  token = location.hash.slice(1)
  history.replaceState(null, '', location.pathname)
  confirm.hidden = token === ''
  again.hidden = token !== ''
  if (token) say(message, 'note', '')
  else say(message, 'error', says.noToken)
}

const sentenceOf = ({ code }) =>
  ({ UNAUTHENTICATED: says.used, BAD_USER_INPUT: says.used, RATE_LIMITED: says.tooMany, UNREACHABLE: says.unreachable })[code] ??
  says.failed

onSubmit(confirm, async () => {
  say(message, 'note', says.working)
  try {
    const { verifyMagicLink: signIn } = await ask(
      'mutation SignIn($token: String!) { verifyMagicLink(token: $token) { ok person { first } district { name } } }',
      { token },
    )
    token = ''
    confirm.hidden = true
    say(message, 'note', says.welcome(signIn.person?.first ?? '', signIn.district?.name ?? ''))
    location.replace('/graphql')
  } catch (refusal) {
    say(message, 'error', sentenceOf(refusal))
    if (refusal.code !== 'UNAUTHENTICATED' && refusal.code !== 'BAD_USER_INPUT') return
    confirm.hidden = true
    again.hidden = false
    byId('email').focus()
  }
})

onSubmit(again, async (fields) => {
  const answer = byId('again-message')
  try {
    await ask('mutation AskAgain($email: String!) { requestLogin(email: $email) { ok } }', { email: fields.get('email') })
    say(answer, 'note', says.sent)
  } catch (refusal) {
    say(answer, 'error', refusal.code === 'BAD_USER_INPUT' ? says.badEmail : sentenceOf(refusal))
  }
})

writeTexts()
takeToken()
// Another link pasted into this tab changes the fragment only: the page is not loaded again.
addEventListener('hashchange', () => location.hash.length > 1 && takeToken())
