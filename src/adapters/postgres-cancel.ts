/** Ends a statement under way at the server: closing its connection alone leaves it running there, and waiting for its lock. */
import pg from 'pg'

/** What `pg` knows of a connection, and does not tell in its types. */
interface Backend {
  readonly host: string
  readonly port: number
  readonly ssl: unknown
  readonly sslNegotiation: unknown
  readonly processID: number
  readonly secretKey: number
}
interface WireConnection {
  readonly stream: { destroy(): void }
  on(event: 'connect' | 'sslconnect' | 'end' | 'error', listener: () => void): this
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processID: number, secretKey: number): void
}

/**
 * Asks the server to cancel what this connection waits for (CancelRequest, of the PostgreSQL protocol).
 * @returns whether the request has arrived; the statement, if it was still under way, then ends with an error
 */
export function cancelStatement(client: pg.ClientBase, withinMs: number): Promise<boolean> {
  const { host, port, ssl, sslNegotiation, processID, secretKey } = client as unknown as Backend
  const connection = new pg.Connection({ ssl, sslNegotiation } as never) as unknown as WireConnection
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(false), withinMs)
    let asked = false
    const finish = (arrived: boolean): void => {
      clearTimeout(timer)
      connection.stream.destroy()
      resolve(arrived)
    }
    const ask = (): void => {
      asked = true
      connection.cancel(processID, secretKey)
    }
    // The server answers nothing: it closes the connection when it has passed the request on.
    connection
      .on('connect', () => {
        if (!ssl) ask()
        else if (sslNegotiation !== 'direct') connection.requestSsl()
      })
      .on('sslconnect', ask)
      .on('end', () => finish(asked))
      .on('error', () => finish(false))
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
    else connection.connect(port, host)
  })
}
