/**
 * What a sign-in mail is about: who is meant by a login request, and which code it has. Done again for a retry, it comes to the same
 * code: code and link are derived from the row.
 */
import sql from 'sql-template-tag'
import type { Deps, Queryable, Transactions } from '../deps.ts'
import { codeLifetimeMinutes } from './login-requests.ts'
import type { Multilingual } from './multilingual.ts'
import { codeMac, loginCode, secretId } from './tokens.ts'

/** A code that dies while the provider may still be taking its mail is not sent any more. */
const leastSecondsToLive = 10
/** One of so many is free, or a million codes are not enough. */
const maxDraws = 16

export interface LoginRequestRow {
  readonly id: string
  readonly emailKey: string
  readonly secretId: string
}

export interface Recipient {
  readonly districtId: string
  readonly personId: string
  readonly email: string
  readonly first: string
  readonly language: string
  readonly districtName: Multilingual
  readonly districtLanguage: string | null
  readonly accent: string
}

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
    const held = await tx.query<{ id: string }>(
      sql`select r.id from login_requests r where r.email_key = ${emailKey} and r.code_ended_at is null order by r.id for update`,
    )
    const person = await recipientOf(tx, emailKey)
    if (!person) return { ended: 'nobody has this address' }
    const [request] = await tx.query<{ draw: number; hasCode: boolean; dead: boolean; replaced: boolean }>(
      sql`select r.code_draw as draw, r.code_mac is not null as "hasCode",
            r.code_ended_at is not null
              or r.created_at <= now() - make_interval(mins => ${codeLifetimeMinutes}) + make_interval(secs => ${leastSecondsToLive}) as dead,
            exists (select 1 from login_requests newer
              where newer.email_key = r.email_key and (newer.created_at, newer.id) > (r.created_at, r.id)) as replaced
          from login_requests r where r.id = ${id}`,
    )
    if (!request || request.dead) return { ended: 'its code is used, replaced or expired' }
    if (request.replaced) return { ended: 'a newer mail replaces it' }
    const draw = request.hasCode ? request.draw : await freeDraw(tx, secrets, secret, id)
    const code = loginCode(secret, id, draw)
    await tx.query(
      sql`update login_requests set code_draw = ${draw}, code_mac = ${codeMac(secret, code)}, district_id = ${person.districtId}, person_id = ${person.personId}
          where id = ${id}`,
    )
    const older = held.flatMap((each) => (each.id === id ? [] : [each.id]))
    await tx.query(sql`update login_requests set code_ended_at = now() where id = any(${older}::text[])`)
    return { secret, code, person }
  })
}

/** Of several districts that have the address: the one last used. The row is locked: nobody archives it meanwhile. */
async function recipientOf(tx: Queryable, emailKey: string): Promise<Recipient | undefined> {
  const [person] = await tx.query<Recipient>(
    sql`select p.district_id as "districtId", p.id as "personId", p.email, p.first, p.language, d.name as "districtName",
          d.languages[1] as "districtLanguage", d.accent
        from people p join districts d on d.id = p.district_id
        where p.email_key = ${emailKey} and not p.archived
        order by p.signed_in_at desc nulls last, p.created_at, p.district_id limit 1 for update of p`,
  )
  return person
}

/** The first draw whose code nobody else has or had within 24 hours, under whichever secret key. */
async function freeDraw(tx: Queryable, secrets: readonly string[], secret: string, id: string): Promise<number> {
  const draws = Array.from({ length: maxDraws }, (_, draw) => secrets.map((each) => codeMac(each, loginCode(secret, id, draw))))
  const taken = await tx.query<{ mac: string }>(
    sql`select code_mac as mac from login_requests where code_mac = any(${draws.flat()}::text[])`,
  )
  const free = draws.findIndex((macs) => !taken.some(({ mac }) => macs.includes(mac)))
  if (free === -1) throw new Error(`no free login code among ${maxDraws} draws`)
  return free
}
