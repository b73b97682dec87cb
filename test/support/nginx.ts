/** nginx in front of gateways, which never tries a second one: what one of them loses its client loses. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { freePort } from './ports.ts'
import { findProgram } from './programs.ts'
import { raw } from './http.ts'

export interface Balancer {
  readonly url: string
  /** From when it resolves, whoever connects comes to one of these gateways. */
  use(gateways: readonly string[]): Promise<void>
}

/** Starts one; it ends with the test. */
export async function startNginx(gateways: readonly string[]): Promise<Balancer> {
  const program = findProgram('nginx', 'nginx')
  const folder = await mkdtemp(join(tmpdir(), 'credentials-gateway-nginx-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let generation = 0
  const write = (upstreams: readonly string[]) => writeFile(join(folder, 'nginx.conf'), configuration(port, ++generation, upstreams))
  const isUsed = () =>
    raw(`${url}/generation`)
      .then(({ text }) => text === String(generation))
      .catch(() => false)

  await write(gateways)
  const nginx = spawn(program, ['-p', folder, '-e', 'error.log', '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  nginx.stderr.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  onTestFinished(async () => {
    if (nginx.exitCode === null) {
      nginx.kill('SIGTERM')
      await once(nginx, 'exit')
    }
    await rm(folder, { recursive: true })
  })
  const inUse = () =>
    vi.waitUntil(
      () => {
        if (nginx.exitCode !== null) throw new Error(`nginx ended: ${said}`)
        return isUsed()
      },
      { timeout: 60_000, interval: 10 },
    )
  await inUse()
  return {
    url,
    async use(upstreams) {
      await write(upstreams)
      nginx.kill('SIGHUP')
      await inUse()
    },
  }
}

// Its own clients connect for each request, since a reload ends their connections between two of them.
const configuration = (port: number, generation: number, gateways: readonly string[]): string => `
daemon off;
pid nginx.pid;
worker_processes 2;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_timeout 0;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  proxy_max_temp_file_size 0;
  upstream gateways {
${gateways.map((url) => `    server ${new URL(url).host} max_fails=0;`).join('\n')}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
    location = /generation { return 200 "${generation}"; }
    location / {
      proxy_pass http://gateways;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream off;
    }
  }
}
`
