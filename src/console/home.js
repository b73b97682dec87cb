/** The first page: who is signed in in this browser, and signing in by the code of a mail. */
import { ask, onSubmit, say } from '/assets/gateway.js'

const byId = (id) => document.getElementById(id)
let email = ''

async function showWhoIsHere() {
  const { me } = await ask('query WhoIsHere { me { person { first last } district { name } } }').catch(() => ({ me: null }))
  byId('signed-in').hidden = !me
  byId('signed-out').hidden = Boolean(me)
  if (me) byId('who').textContent = `${me.person?.first ?? ''} ${me.person?.last ?? ''}, ${me.district.name}`
}

onSubmit(byId('request'), async (fields) => {
  const message = byId('request-message')
  try {
    email = fields.get('email')
    const { requestLogin } = await ask('mutation AskForMail($email: String!) { requestLogin(email: $email) { ok message } }', { email })
    say(message, 'note', `${requestLogin.message}. It holds six digits and a link; either will do.`)
    say(byId('verify-message'), 'note', '')
    byId('verify').hidden = false
    byId('code').focus()
  } catch (refusal) {
    say(message, 'error', refusal.message)
  }
})

onSubmit(byId('verify'), async (fields) => {
  const message = byId('verify-message')
  try {
    await ask('mutation EnterCode($code: String!, $email: String) { verifyCode(code: $code, email: $email) { ok } }', {
      code: fields.get('code'),
      email,
    })
    say(message, 'note', 'You are signed in.')
    location.assign('/graphql')
  } catch (refusal) {
    say(message, 'error', refusal.message)
    byId('code').select()
  }
})

onSubmit(byId('sign-out'), async () => {
  try {
    await ask('mutation SignOut { logout { ok } }')
    await showWhoIsHere()
    byId('email').focus()
  } catch (refusal) {
    say(byId('sign-out-message'), 'error', refusal.message)
  }
})

await showWhoIsHere()
