import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEnv } from '../../src/config/env.js';
import { SETTINGS } from '../../src/config/settings.js';
import { startTestApp, type TestApp, TEST_SECRETS } from '../support/app.js';
import { createTestDatabase } from '../support/database.js';

/** The OpenAPI generator brings a YAML parser; nothing else here needs one. */
const { load: parseYaml } = createRequire(createRequire(`${process.cwd()}/package.json`).resolve('@nestjs/swagger/package.json'))('js-yaml') as { load: (text: string) => unknown };

interface Service { build?: string; image: string; command?: string[]; environment: Record<string, string>; depends_on?: Record<string, { condition: string }>; ports?: string[]; volumes?: string[]; stop_grace_period?: string; healthcheck?: { test: string[] }; profiles?: string[]; configs?: { source: string; target: string }[]; restart?: string; init?: boolean }
interface Compose { services: Record<'postgres' | 'migrate' | 'server' | 'backup' | 'prometheus' | 'grafana', Service>; volumes: Record<string, null>; configs: Record<string, { environment: string }> }

/** With `<<`, which Compose resolves and the parser does not. */
const merged = <T>(value: T): T => (value === null || typeof value !== 'object' || Array.isArray(value) ? value
  : Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (key === '<<' ? Object.entries(merged(inner as object)) : [[key, merged(inner)]]))) as T);

const text = (path: string) => readFileSync(path, 'utf8');
const manifest = JSON.parse(text('package.json')) as { scripts: Record<string, string>; devDependencies: Record<string, string>; version: string };
const settings = new Set(SETTINGS.map(({ name }) => name));
/** The commands of the command line, from its own help. */
const commands = execFileSync(process.execPath, ['dist/src/cli.js', '--help'], { encoding: 'utf8' }).split('Commands:')[1]?.match(/^ {2}[a-z:]+/gm)?.map((each) => each.trim()) ?? [];

/** Instructions with their arguments, a continued line as one. */
const instructions = text('Dockerfile').replace(/\\\n/g, ' ').split('\n').filter((line) => /^[A-Z]+ /.test(line)).map((line) => {
  const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
  return { name, rest };
});
const all = (name: string) => instructions.filter((each) => each.name === name).map(({ rest }) => rest);
const stages = text('Dockerfile').split(/^(?=FROM )/m).slice(1);

/** `node dist/src/cli.js migrate` in words: each part is there. */
function expectRuns(words: string[]): void {
  const [program, file = '', command] = words;
  expect([words, program]).toEqual([words, expect.stringMatching(/^(node|node_modules\/\.bin\/node)$/)]);
  expect([words, existsSync(file.replace(/^\/app\//, ''))]).toEqual([words, true]);
  if (file.endsWith('cli.js')) expect([words, commands.includes(command ?? '')]).toEqual([words, true]);
}

describe('the Dockerfile', () => {
  it("builds and runs on the Node that the project is tested with, in Debian's slim variant", () => {
    const [major, minor] = (manifest.devDependencies['node'] ?? '').split('.');
    expect(all('FROM').map((from) => from.split(' ')[0])).toEqual([`node:${major}.${minor}-bookworm-slim`, `node:${major}.${minor}-bookworm-slim`]);
  });

  it("has the clients of the server's version, from PostgreSQL's own archive, trusted by one key that is checked in", () => {
    const install = all('RUN').find((run) => run.includes('apt-get install')) ?? '';
    const { services } = parseYaml(text('docker-compose.yml')) as { services: { postgres: { image: string } } };
    expect(install).toContain(`postgresql-client-${services.postgres.image.split(':')[1]}`);
    const [, key = ''] = /signed-by=(\S+?)\]/.exec(install) ?? [];
    expect(all('COPY')).toContain(`deploy/docker/postgresql.asc ${key}`);
    // The first key of the packet, as everybody knows it; openssl and node know nothing of this format.
    const packet = Buffer.from(text('deploy/docker/postgresql.asc').split('\n\n')[1]?.split(/\n=/)[0]?.replaceAll('\n', '') ?? '', 'base64');
    const length = packet.readUInt16BE(1);
    expect(packet[0]).toBe(0x99);
    expect(createHash('sha1').update(packet.subarray(0, 3 + length)).digest('hex').toUpperCase()).toBe('B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8');
    // The release of Debian is that of the image, and what was fetched to install is not shipped.
    expect(install).toContain(`${/-(\w+)-slim/.exec(all('FROM')[1] ?? '')?.[1]}-pgdg`);
    expect(install).toMatch(/--no-install-recommends.*rm -rf \/var\/lib\/apt\/lists/);
  });

  it('copies what is there, what the build needs, and what .dockerignore lets through', () => {
    const [build = '', runtime = ''] = stages;
    const sources = (stage: string) => [...stage.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '));
    const allowed = text('.dockerignore').split('\n').filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(text('.dockerignore').split('\n').filter((line) => !line.startsWith('#'))[0]).toBe('*');
    for (const source of [...sources(build), ...sources(runtime)]) expect([source, existsSync(source), allowed.includes(source)]).toEqual([source, true, true]);
    for (const each of allowed) expect([each, [...sources(build), ...sources(runtime)].includes(each)]).toEqual([each, true]);
    for (const needed of ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'src']) expect([needed, sources(build).includes(needed)]).toEqual([needed, true]);
    // The server needs nothing of the clients, the benches and the tests.
    const imported = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => /(?<!\.spec)\.ts$/.test(path))
      .flatMap((path) => [...text(`src/${path}`).matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)].map(([, one, other]) => posix.join('src', posix.dirname(path), one ?? other ?? '')));
    expect(imported.length).toBeGreaterThan(300);
    expect(imported.filter((path) => !path.startsWith('src/'))).toEqual([]);
    for (const [, from = '', to = ''] of runtime.matchAll(/^COPY --from=build \/app\/(\S+) (\S+)$/gm)) expect([from, to]).toEqual(['dist', 'dist']);
  });

  it('runs scripts that there are, and installs no development dependencies in what is shipped', () => {
    const scripts = [...text('Dockerfile').matchAll(/npm run (\S+)/g)].map(([, script = '']) => script);
    expect(scripts).toEqual(['build']);
    for (const script of scripts) expect(manifest.scripts[script]).toBeDefined();
    expect(stages[1]).toMatch(/^RUN npm ci --omit=dev --omit=optional\b/m);
  });

  it('starts the server itself as process 1, as a user without rights, on the port that the settings say', () => {
    const [, runtime = ''] = stages;
    expect(all('CMD')).toHaveLength(1);
    expectRuns(JSON.parse(all('CMD')[0] ?? '[]') as string[]);
    expect(all('USER')).toEqual(['node']);
    expect(runtime.indexOf('USER node')).toBeLessThan(runtime.indexOf('\nCMD'));
    expect(all('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(all('EXPOSE')).toEqual([String(readEnv({ NODE_ENV: 'test' }).PORT)]);
    for (const [, name = ''] of (all('ENV').join(' ')).matchAll(/(\w+)=/g)) expect([name, settings.has(name)]).toEqual([name, true]);
    expect(all('ENV').join(' ')).toContain('NODE_ENV=production');
  });

  it('has no VOLUME, which Railway refuses', () => {
    expect(all('VOLUME')).toEqual([]);
  });
});

describe('the health check of the image', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t.close());

  it('says whether the server answers, by the exit code', async () => {
    const [check = ''] = all('HEALTHCHECK');
    const words = JSON.parse(/CMD (\[.*\])$/.exec(check)?.[1] ?? '[]') as string[];
    expectRuns(words);
    const ask = (port: string) => new Promise<number | null>((resolve) => spawn(process.execPath, words.slice(1), { env: { PORT: port } }).once('exit', resolve));
    expect(await ask(new URL(t.base).port)).toBe(0);
    expect(await ask('1')).toBe(1);
  });
});

describe('docker-compose.yml', () => {
  const compose = merged(parseYaml(text('docker-compose.yml'))) as Compose;
  const { services, volumes } = compose;

  it('names settings, commands and volumes that there are', () => {
    for (const service of [services.migrate, services.server, services.backup]) {
      expect(service.build).toBe('.');
      for (const name of Object.keys(service.environment)) expect([name, settings.has(name)]).toEqual([name, true]);
    }
    expectRuns(services.migrate.command ?? []);
    for (const volume of Object.values(services).flatMap((service) => service.volumes ?? [])) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('./')) expect([source, existsSync(source), volume.endsWith(':ro')]).toEqual([source, true, true]);
      else expect(volumes).toHaveProperty(source);
    }
    for (const { source } of Object.values(services).flatMap((service) => service.configs ?? [])) expect(compose.configs).toHaveProperty(source);
    expect(services.server.volumes).toEqual([`data:${/DATA_DIR=(\S+)/.exec(all('ENV').join(' '))?.[1]}`]);
    expect(services.server.ports).toEqual([`127.0.0.1:${all('EXPOSE')[0]}:${all('EXPOSE')[0]}`]);
  });

  it('starts the server when the database is there and migrated, and gives it longer to stop than it takes', () => {
    expect(services.server.depends_on).toEqual({ postgres: { condition: 'service_healthy' }, migrate: { condition: 'service_completed_successfully' } });
    expect(services.migrate.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    expect(services.postgres.healthcheck?.test).toContain('pg_isready');
    expect(Number(services.server.stop_grace_period?.replace(/s$/, ''))).toBeGreaterThan(readEnv({ NODE_ENV: 'test' }).SHUTDOWN_TIMEOUT);
  });

  it('backs up once a day as the owner, into a volume of its own, and goes on after one that failed', () => {
    const { backup } = services;
    const [shell, option, script = ''] = backup.command ?? [];
    expect([shell, option]).toEqual(['sh', '-c']);
    const [, words = ''] = /do (node \S+ \w+) \|\|/.exec(script) ?? [];
    expectRuns(words.split(' '));
    expect(script).toMatch(/sleep 86400; done$/);
    // A shell as process 1 would not hear that it is to stop.
    expect([backup.init, backup.restart]).toEqual([true, 'unless-stopped']);
    expect(backup.environment['DATABASE_OWNER_URL']).toBe(services.migrate.environment['DATABASE_OWNER_URL']);
    expect(backup.volumes).toEqual([`backups:${backup.environment['BACKUP_DIR']}`]);
    expect(all('RUN').join('\n')).toMatch(new RegExp(`mkdir .*${backup.environment['BACKUP_DIR']}.* && chown node:node`));
  });

  it('brings Prometheus and Grafana only when they are asked for, on this machine alone, with versions that are named', () => {
    for (const name of ['prometheus', 'grafana'] as const) {
      expect([name, services[name].profiles]).toEqual([name, ['monitoring']]);
      for (const port of services[name].ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
    for (const { image } of Object.values(services)) expect(image).toMatch(/^tradewarden$|:v?\d/);
    const ports = Object.values(services).flatMap((service) => service.ports ?? []).map((port) => port.split(':')[1]);
    expect(new Set(ports).size).toBe(ports.length);
    const provisioned = parseYaml(text('deploy/grafana/provisioning/dashboards/tradewarden.yml')) as { providers: { options: { path: string } }[] };
    expect(services.grafana.volumes?.join('\n')).toContain(`:${provisioned.providers[0]?.options.path}/`);
    const { datasources } = parseYaml(text('deploy/grafana/provisioning/datasources/prometheus.yml')) as { datasources: { url: string }[] };
    expect(datasources.map(({ url }) => url)).toEqual(['http://prometheus:9090']);
    if (!existsSync('deploy/prometheus/prometheus.yml')) return;
    const scraped = parseYaml(text('deploy/prometheus/prometheus.yml')) as { scrape_configs: { static_configs: { targets: string[] }[] }[] };
    expect(scraped.scrape_configs.flatMap((each) => each.static_configs.flatMap(({ targets }) => targets))).toEqual([`tradewarden:${all('EXPOSE')[0]}`]);
    expect(JSON.stringify(services.server)).toContain('"aliases":["tradewarden"]');
  });

  it('holds no secret, refuses to start without one, and keeps the owner from the server', () => {
    const secret = /(SECRET|KEY|PASSWORD|TOKEN)$/;
    for (const { environment = {} } of Object.values(services)) {
      for (const [name, value] of Object.entries(environment)) if (secret.test(name)) expect([name, value]).toEqual([name, expect.stringMatching(/^\$\{\w+:[?-]\}$/)]);
    }
    for (const needed of ['JWT_SECRET', 'AUDIT_KEY', 'WRITER_PASSWORD', 'OWNER_PASSWORD']) expect(text('docker-compose.yml')).toContain(`\${${needed}:?}`);
    expect(JSON.stringify(services.server)).not.toMatch(/OWNER/);
    // What is set is what production asks for.
    const filled = Object.fromEntries(Object.entries(services.server.environment).map(([name, value]) =>
      [name, name in TEST_SECRETS ? TEST_SECRETS[name as keyof typeof TEST_SECRETS] : value.replace(/\$\{\w+:-\}/, '').replace(/\$\{\w+:\?\}/, 'abc')]));
    expect(readEnv({ NODE_ENV: 'production', ...filled }).embedded).toBe(false);
  });
});

const headingsOf = (page: string) => new Set([...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => `#${heading.toLowerCase().replace(/[^\w -]/g, '').replace(/ /g, '-')}`));

describe('railway.json', () => {
  const { build, deploy } = JSON.parse(text('railway.json')) as { build: Record<string, unknown>; deploy: Record<string, unknown> };

  it('builds the Dockerfile, migrates with what is in the image, and asks a probe that there is', async () => {
    expect(build).toEqual({ builder: 'DOCKERFILE', dockerfilePath: 'Dockerfile' });
    expect(deploy['preDeployCommand']).toHaveLength(1);
    expectRuns((deploy['preDeployCommand'] as string[])[0]?.split(' ') ?? []);
    expect(text('test/contract/routes.txt')).toMatch(new RegExp(`^GET +${String(deploy['healthcheckPath'])} `, 'm'));
  });

  it('gives numbers as numbers, which its reader insists on, and longer to drain than draining takes', () => {
    for (const name of ['drainingSeconds', 'overlapSeconds', 'healthcheckTimeout']) expect([name, typeof deploy[name]]).toEqual([name, 'number']);
    expect(deploy['drainingSeconds']).toBeGreaterThan(readEnv({ NODE_ENV: 'test' }).SHUTDOWN_TIMEOUT);
  });
});

describe.each([['docs/deployment.md', 30, 5], ['docs/operations.md', 10, 5]])('%s', (path, settingsLeast, callsLeast) => {
  const guide = text(path);
  /** Names in capitals that are no settings of the server: of Compose's .env, and what answers say. */
  const OTHERS = new Set(['OWNER_PASSWORD', 'WRITER_PASSWORD', 'GRAFANA_PASSWORD', 'DATABASE_UNAVAILABLE', 'REPLICA_BEHIND', 'TIME_IN_FUTURE', 'BACKUP_FAILED']);

  it('names settings that there are', () => {
    const named = [...guide.matchAll(/(?<![-\w.])([A-Z]+(?:_[A-Z]+)+)(?![-\w])/g)].map(([, name = '']) => name).filter((name) => !name.endsWith('_'));
    expect(named.length).toBeGreaterThan(settingsLeast);
    expect([...new Set(named)].filter((name) => !settings.has(name) && !OTHERS.has(name))).toEqual([]);
  });

  it('names scripts, files and commands that there are', () => {
    for (const [, script = ''] of guide.matchAll(/npm run (?:-s )?([\w:]+)/g)) expect([script, script in manifest.scripts]).toEqual([script, true]);
    const calls = [...guide.matchAll(/(?<![/\w])((?:node_modules\/\.bin\/)?node) (\S*dist\/src\/(?:cli|main)\.js)(?: ([\w:]+))?/g)];
    const short = [...guide.matchAll(/`tradewarden ([a-z:]+)/g)];
    expect(calls.length + short.length).toBeGreaterThan(callsLeast);
    for (const [, command = ''] of short) expect([command, commands.includes(command)]).toEqual([command, true]);
    for (const [, program = '', file = '', command] of calls) {
      if (command !== undefined) expectRuns([program, file, command]);
      expect([file, existsSync(file.replace(/^\/app\//, ''))]).toEqual([file, true]);
    }
    for (const [, command = ''] of guide.matchAll(/`((?:setup|migrate|roles|user|key)[a-z:]*)\b[^`]*`/g)) expect([command, commands.includes(command)]).toEqual([command, true]);
  });

  it('links to what is there', () => {
    const headings = headingsOf(guide);
    for (const [, target = ''] of guide.matchAll(/\]\(([^)]+)\)/g)) {
      const [file = '', heading] = target.split('#');
      const of = file === '' ? headings : file.endsWith('.md') && existsSync(posix.join('docs', file)) ? headingsOf(text(posix.join('docs', file))) : null;
      const there = file === '' || existsSync(posix.join('docs', file));
      expect([target, there, heading === undefined || of === null || of.has(`#${heading}`)]).toEqual([target, true, true]);
    }
  });
});

describe('docs/', () => {
  it('name commands of tradewarden that there are', () => {
    const named = ['deployment', 'operations', 'backup', 'restore', 'retention', 'monitoring'].flatMap((name) =>
      [...text(`docs/${name}.md`).matchAll(/(?:`|\n|sudo |&& )tradewarden ([a-z]+(?::[a-z]+)?)(?=[ `\n])/g)].map(([, command = '']) => [name, command] as const));
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter(([, command]) => !commands.includes(command))).toEqual([]);
  });
});

describe('statements that docs/operations.md asks the database', () => {
  it('are such as it answers', async () => {
    const guide = text('docs/operations.md').replaceAll('\\|', '|');
    const asked = [...guide.matchAll(/`((?:select|show) [^`]*)`/g), ...guide.matchAll(/psql -c "((?:select|show) [^"]*)"/g)].map(([, statement = '']) => statement).filter((each) => !/pg_(terminate_backend|drop_replication_slot|promote)/.test(each));
    expect(asked.length).toBeGreaterThan(9);
    const db = await createTestDatabase();
    try {
      for (const statement of asked) await db.query(statement).catch((error: Error) => { throw new Error(`${statement}: ${error.message}`); });
    } finally {
      await db.drop();
    }
  });
});

describe('docs/deployment.md', () => {
  const guide = text('docs/deployment.md');

  it('has no rules of its own beside those of deploy/prometheus, and names metrics that there are', () => {
    expect(guide).not.toMatch(/^ *- alert:/m);
    const metrics = text('docs/monitoring.md');
    const named = [...guide.matchAll(/`(tradewarden_[a-z_]+[a-z])(?![\w.*])/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect([name, metrics.includes(`| \`${name}\` |`)]).toEqual([name, true]);
  });

  it('has a command for all pages, the same settings for it and the server, and backups that it may write', () => {
    const files = new Map([...guide.matchAll(/^```(?:ini|bash|sh)\n# (\/\S+)\n([^]*?)^```/gm)].map(([, path = '', body = '']) => [path, body]));
    const server = files.get('/etc/tradewarden.env') ?? '';
    for (const folder of ['DATA_DIR', 'BACKUP_DIR']) expect(guide).toMatch(new RegExp(`install -d -o tradewarden .*${new RegExp(`^${folder}=(\\S+)$`, 'm').exec(server)?.[1]}`));
    for (const unit of ['tradewarden.service', 'tradewarden-backup.service']) {
      const body = files.get(`/etc/systemd/system/${unit}`) ?? '';
      expect([unit, /^User=tradewarden$/m.test(body), /^EnvironmentFile=\/etc\/tradewarden\.env$/m.test(body), /^EnvironmentFile=\/etc\/tradewarden-owner\.env$/m.test(body)]).toEqual([unit, true, true, unit.includes('backup')]);
      const [, start = ''] = /^ExecStart=\/opt\/tradewarden\/current\/(.*)$/m.exec(body) ?? [];
      expectRuns(start.split(' '));
    }
    expect(guide).toMatch(/runuser -u tradewarden -- node_modules\/\.bin\/node dist\/src\/cli\.js "\$@"/);
  });
});
