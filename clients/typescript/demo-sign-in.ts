import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Api, Refused } from './api.js';
import { makeAdministrator } from './demo-admin.js';
import { readIfThere, replaceFile } from './durable-file.js';
import { DEFAULT_CONFIG } from './strategy.js';

/** What the demo made for itself, in DATA_DIR/demo.json, readable by its owner only. */
interface Kept {
  admin?: { email: string; password: string; signedInOnce: boolean };
  agents: Record<string, { id: string; apiKey: string }>;
}

export interface AgentAccess {
  id: string;
  name: string;
  apiKey: string;
  /** The settings that the server knows; an agent that has lost its own files goes on with them. */
  config: Record<string, unknown>;
}

interface AgentRow {
  id: string;
  name: string;
  retiredAt?: string | null;
  config?: Record<string, unknown>;
}

const DEMO_EMAIL = 'demo@tradewarden.local';

/** Credentials of the demo: made once, kept, and used again by the next run on the same folder. */
export class DemoSignIn {
  private readonly path: string;
  private readonly kept: Kept;

  constructor(
    private readonly dataDir: string,
    private readonly env: NodeJS.ProcessEnv,
    /** The server's origin when it is not this folder's own: its keys are kept apart. */
    private readonly origin: string | null,
    private readonly say: (line: string) => void,
  ) {
    this.path = join(dataDir, origin === null ? 'demo.json' : `demo-${origin.replace(/[^a-z0-9.]+/gi, '-')}.json`);
    this.kept = JSON.parse(readIfThere(this.path) ?? '{"agents":{}}') as Kept;
  }

  /** True when an earlier run has left something to sign in with. */
  get knowsServer(): boolean {
    return this.kept.admin?.signedInOnce === true || Object.keys(this.kept.agents).length > 0;
  }

  /**
   * What the server's environment needs to make its first administrator. It is given until a sign-in has worked once,
   * so that a first start that was cut off does not leave a database without a known administrator.
   */
  serverEnv(): NodeJS.ProcessEnv {
    if (this.env.ADMIN_EMAIL || this.kept.admin?.signedInOnce) return {};
    if (!this.kept.admin) {
      this.kept.admin = { email: DEMO_EMAIL, password: randomBytes(18).toString('base64url'), signedInOnce: false };
      this.save();
    }
    return { ADMIN_EMAIL: this.kept.admin.email, ADMIN_PASSWORD: this.kept.admin.password };
  }

  /**
   * The agent of this name, found or made, with a key that works.
   * @param start tells it to start, also when somebody had stopped it. @throws Error that says what to do.
   */
  async agentFor(baseUrl: string, name: string, symbol: string, start: boolean): Promise<AgentAccess> {
    const given = this.env.TRADEWARDEN_API_KEY;
    if (given && this.origin !== null) {
      const { body } = await new Api(baseUrl, given, null).get<AgentRow>('/agents/me');
      return accessTo(body, given);
    }
    const kept = this.kept.agents[name];
    const known = kept === undefined ? null : await this.agentOfKey(baseUrl, kept.apiKey);
    if (known && !start) return known;
    const api = await this.signIn(baseUrl);
    const access = known ?? (await this.findOrMake(api, name, symbol));
    this.kept.agents[name] = { id: access.id, apiKey: access.apiKey };
    this.save();
    if (start) await api.post(`/agents/${access.id}/commands`, { type: 'start' });
    return access;
  }

  /** Somebody who may decide; null where the demo has only the key of an agent. */
  async administrator(baseUrl: string): Promise<Api | null> {
    return this.kept.admin || (this.env.ADMIN_EMAIL && this.env.ADMIN_PASSWORD) ? this.signIn(baseUrl) : null;
  }

  private async findOrMake(api: Api, name: string, symbol: string): Promise<AgentAccess> {
    const existing = await findAgent(api, name);
    if (existing?.retiredAt) throw new Error(`the agent ${name} has been retired; use another --symbol or --data-dir`);
    if (existing) {
      const { body } = await api.post<{ apiKey: string }>(`/agents/${existing.id}/keys`, { name: 'demo' });
      return accessTo(existing, body.apiKey);
    }
    // As numbers, so that the server can tell a change to the careful side from one that risks more.
    const config = Object.fromEntries(Object.entries(DEFAULT_CONFIG).map(([setting, value]) => [setting, Number(value)]));
    const wanted = { name, mode: 'paper', symbols: [symbol], broker: 'paper', config };
    const { body } = await api.post<AgentRow & { apiKey: string }>('/agents', wanted);
    return accessTo(body, body.apiKey);
  }

  private async agentOfKey(baseUrl: string, apiKey: string): Promise<AgentAccess | null> {
    try {
      const { body } = await new Api(baseUrl, apiKey, null).get<AgentRow>('/agents/me');
      return accessTo(body, apiKey);
    } catch (error) {
      if (error instanceof Refused && [401, 403, 404].includes(error.status)) return null;
      throw error;
    }
  }

  private async signIn(baseUrl: string): Promise<Api> {
    const { ADMIN_EMAIL, ADMIN_PASSWORD } = this.env;
    if (ADMIN_EMAIL && ADMIN_PASSWORD) {
      const given = await login(baseUrl, ADMIN_EMAIL, ADMIN_PASSWORD);
      if (!given) throw new Error(`the server at ${baseUrl} does not accept ADMIN_EMAIL and ADMIN_PASSWORD`);
      return given;
    }
    const { admin } = this.kept;
    if (!admin) throw new Error('nothing to sign in with: set ADMIN_EMAIL and ADMIN_PASSWORD, or TRADEWARDEN_API_KEY');
    const api = (await login(baseUrl, admin.email, admin.password)) ?? (await this.afterMakingAdmin(baseUrl, admin));
    if (!admin.signedInOnce) {
      admin.signedInOnce = true;
      this.save();
    }
    return api;
  }

  /** The database had users before the demo came: its own administrator is made beside them, and that is said. */
  private async afterMakingAdmin(baseUrl: string, { email, password }: { email: string; password: string }): Promise<Api> {
    const env = { ...this.env, DATA_DIR: this.dataDir };
    const made = this.origin === null && (await makeAdministrator(email, password, env));
    const api = made ? await login(baseUrl, email, password) : null;
    if (!api) {
      throw new Error(
        `the server at ${baseUrl} does not know ${email}: its database has users that this demo did not make. ` +
          'Set ADMIN_EMAIL and ADMIN_PASSWORD of an administrator, or use --data-dir with a new folder.',
      );
    }
    this.say(`the database has users already; made the administrator ${email} beside them`);
    return api;
  }

  private save(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    replaceFile(this.path, `${JSON.stringify(this.kept, null, 2)}\n`, 0o600);
  }

  /** Where the agent of this name keeps its files. */
  agentFolder(name: string): string {
    return join(this.dataDir, 'demo', ...(this.origin === null ? [] : [this.origin.replace(/[^a-z0-9.]+/gi, '-')]), name);
  }

  get file(): string {
    return this.path;
  }
}

function accessTo({ id, name, config }: AgentRow, apiKey: string): AgentAccess {
  return { id, name, apiKey, config: config ?? {} };
}

/** Null when the server does not accept them. */
async function login(baseUrl: string, email: string, password: string): Promise<Api | null> {
  try {
    const { body } = await new Api(baseUrl, null, null).post<{ accessToken: string }>('/auth/login', { email, password });
    return new Api(baseUrl, body.accessToken, null);
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return null;
    throw error;
  }
}

async function findAgent(api: Api, name: string): Promise<AgentRow | undefined> {
  const { body } = await api.get<{ items: AgentRow[] }>(`/agents?name=${encodeURIComponent(name)}&limit=500`);
  return body.items.find((agent) => agent.name === name);
}
