/**
 * What a sign-in mail is about: who is meant by a login request, and which code it has. Done again for a retry, it comes to the same
 * code: code and link are derived from the row.
 */
import sql from 'sql-template-tag'
import type { Deps, Queryable, Transactions } from '../deps.ts'
import { columns, computed } from '../sql/columns.ts'
import { type RowOf, statement, together } from '../sql/statement.ts'
import { codeLifetimeMinutes } from './login-requests.ts'
import { codeMac, loginCode, secretId } from './tokens.ts'

/** A code that dies while the provider may still be taking its mail is not sent any more. */
const leastSecondsToLive = 10
/** One of so many is free, or a million codes are not enough. */
const maxDraws = 16

/** Of `login_requests r`: what a mail is made from. */
export const loginRequestColumns = columns('LoginRequest', 'r', 'id', 'emailKey', 'secretId')
export type LoginRequestRow = RowOf<typeof loginRequestColumns>

const recipientColumns = together(
  columns('Person', 'p', 'districtId', { personId: 'id' }, 'email', 'first', 'language'),
  columns('District', 'd', { districtName: 'name' }, 'accent'),
  computed('districtLanguage', 'text?', sql`d.languages[1]`),
)
export type Recipient = RowOf<typeof recipientColumns>

/** Of `login_requests r`: which code it has, and whether that is still to be mailed. */
const codeColumns = together(
  columns('LoginRequest', 'r', { draw: 'codeDraw' }),
  computed('hasCode', 'boolean', sql`r.code_mac is not null`),
  computed(
    'dead',
    'boolean',
    sql`r.code_ended_at is not null
      or r.created_at <= now() - make_interval(mins => ${codeLifetimeMinutes}) + make_interval(secs => ${leastSecondsToLive})`,
  ),
  computed(
    'replaced',
    'boolean',
    sql`exists (select 1 from login_requests newer
      where newer.email_key = r.email_key and (newer.created_at, newer.id) > (r.created_at, r.id))`,
  ),
)

/** `ended`: why no mail is to be sent, for the row. */
type Prepared = { readonly secret: string; readonly code: string; readonly person: Recipient } | { readonly ended: string }

/** Finds out who is meant, gives the request its code, and ends the person's earlier ones. */
export async function prepareLogin(
  { db, secrets }: Pick<Deps, 'secrets'> & { readonly db: Transactions },
  { id, emailKey, secretId: keyId }: LoginRequestRow,
): Promise<Prepared> {
  const secret = secrets.find((each) => secretId(each) === keyId)
  if (secret === undefined) throw new Error('the secret key that this login request was made under is not known here')
  return db.transaction(async (tx) => {
    // Requests first and the person after them, as whoever signs in and whoever ends sign-ins does: nobody waits in a circle.
    const held = await tx.query(
      statement`select ${columns('LoginRequest', 'r', 'id')} from login_requests r where r.email_key = ${emailKey} and r.code_ended_at is null order by r.id for update`,
    )
    const person = await recipientOf(tx, emailKey)
    if (!person) return { ended: 'nobody has this address' }
    const [request] = await tx.query(statement`select ${codeColumns} from login_requests r where r.id = ${id}`)
    if (!request || request.dead) return { ended: 'its code is used, replaced or expired' }
    if (request.replaced) return { ended: 'a newer mail replaces it' }
    const draw = request.hasCode ? request.draw : await freeDraw(tx, secrets, secret, id)
    const code = loginCode(secret, id, draw)
    await tx.query(
      statement`update login_requests set code_draw = ${draw}, code_mac = ${codeMac(secret, code)}, district_id = ${person.districtId}, person_id = ${person.personId}
          where id = ${id}`,
    )
    const older = held.flatMap((each) => (each.id === id ? [] : [each.id]))
    await tx.query(statement`update login_requests set code_ended_at = now() where id = any(${older}::text[])`)
    return { secret, code, person }
  })
}

/** Of several districts that have the address: the one last used. The row is locked: nobody archives it meanwhile. */
async function recipientOf(tx: Queryable, emailKey: string): Promise<Recipient | undefined> {
  const [person] = await tx.query(
    statement`select ${recipientColumns}
        from people p join districts d on d.id = p.district_id
        where p.email_key = ${emailKey} and not p.archived
        order by p.signed_in_at desc nulls last, p.created_at, p.district_id limit 1 for update of p`,
  )
  return person
}

/** The first draw whose code nobody else has or had within 24 hours, under whichever secret key. */
async function freeDraw(tx: Queryable, secrets: readonly string[], secret: string, id: string): Promise<number> {
  const draws = Array.from({ length: maxDraws }, (_, draw) => secrets.map((each) => codeMac(each, loginCode(secret, id, draw))))
  const taken = await tx.query(
    statement`select ${computed('mac', 'text', sql`r.code_mac`)} from login_requests r where r.code_mac = any(${draws.flat()}::text[])`,
  )
  const free = draws.findIndex((macs) => !taken.some(({ mac }) => macs.includes(mac)))
  if (free === -1) throw new Error(`no free login code among ${maxDraws} draws`)
  return free
}
