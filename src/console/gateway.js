/** Asks the gateway as the browser's session: the cookie counts only with this header, and no script ever sees the token. */

/** A refusal of the gateway, with the code that GraphQL errors carry; `UNREACHABLE` when there was no answer. */
class Refusal extends Error {
  constructor(code, message, retryAfter) {
    super(message)
    this.code = code
    this.retryAfter = retryAfter
  }
}

/**
 * Executes one document and returns its `data`.
 * @throws Refusal for the first error
 */
export async function ask(query, variables = {}) {
  const answer = await send(query, variables)
  const [error] = answer.errors ?? []
  if (error) throw new Refusal(error.extensions?.code ?? 'INTERNAL_SERVER_ERROR', error.message, error.extensions?.retryAfter)
  return answer.data
}

async function send(query, variables) {
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'X-Session': 'cookie' },
      body: JSON.stringify({ query, variables }),
    })
    return await response.json()
  } catch {
    throw new Refusal('UNREACHABLE', 'The gateway does not answer. Try again in a moment.')
  }
}

/** Shows a sentence where a screen reader speaks it. `kind` is `error` or `note`. */
export function say(element, kind, sentence) {
  element.dataset.kind = kind
  element.textContent = sentence
}

/** Runs `work` at each submission of the form, one at a time, its buttons off meanwhile. */
export function onSubmit(form, work) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (form.dataset.busy) return
    form.dataset.busy = 'yes'
    const buttons = form.querySelectorAll('button')
    for (const button of buttons) button.setAttribute('aria-disabled', 'true') // not `disabled`: that would lose the focus
    try {
      await work(new FormData(form))
    } finally {
      delete form.dataset.busy
      for (const button of buttons) button.removeAttribute('aria-disabled')
    }
  })
}
