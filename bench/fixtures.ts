import { HttpConnection } from './http-client.js';
import { ADMIN } from './server-process.js';

export interface BenchAgent {
  id: string;
  apiKey: string;
}

const MAKERS = 8;

/** One request on a connection of its own. @throws Error with the answer when the status is not the expected one */
export async function ask<T>(base: string, method: string, path: string, status: number, headers = '', json?: unknown): Promise<T> {
  const connection = await HttpConnection.open(base);
  try {
    const answer = await connection.request(method, path, headers, json);
    if (answer.status !== status) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body.slice(0, 500)}`);
    return JSON.parse(answer.body) as T;
  } finally {
    connection.close();
  }
}

export interface PoolNumbers {
  max: number;
  active: number;
  waiting: number;
}

/** The pool as /health reports it, also where the probe of the database is late: other programs may have the machine. */
export async function poolOf(base: string): Promise<PoolNumbers> {
  const connection = await HttpConnection.open(base);
  const { body } = await connection.request('GET', '/health', '');
  connection.close();
  return (JSON.parse(body) as { pool: PoolNumbers }).pool;
}

export const bearer = (token: string): string => `authorization: Bearer ${token}\r\n`;

/** An access token, good for 15 minutes. */
export async function signIn(base: string, email = ADMIN.email): Promise<string> {
  const { accessToken } = await ask<{ accessToken: string }>(base, 'POST', '/api/v1/auth/login', 200, '', { email, password: ADMIN.password });
  return accessToken;
}

/** Access tokens of so many operators, who are made when they are not there yet. */
export async function operators(base: string, count: number): Promise<string[]> {
  const admin = bearer(await signIn(base));
  const { items } = await ask<{ items: { email: string }[] }>(base, 'GET', '/api/v1/users?limit=500', 200, admin);
  const tokens: string[] = [];
  for (let i = 0; i < count; i++) {
    const email = `operator-${i}@example.com`;
    if (!items.some((user) => user.email === email)) {
      await ask(base, 'POST', '/api/v1/users', 201, admin, { email, role: 'operator', password: ADMIN.password });
    }
    tokens.push(await signIn(base, email));
  }
  return tokens;
}

let named = 0;

/** Agents made as users make them, on paper. */
export async function makeAgents(base: string, count: number): Promise<BenchAgent[]> {
  const admin = bearer(await signIn(base));
  const agents: BenchAgent[] = [];
  const make = async () => {
    const connection = await HttpConnection.open(base);
    for (let name = named++; agents.length < count; name = named++) {
      const answer = await connection.request('POST', '/api/v1/agents', admin, { name: `bench-${process.pid}-${name}`, mode: 'paper' });
      if (answer.status !== 201) throw new Error(`an agent was not made: ${answer.body}`);
      if (agents.length < count) agents.push(JSON.parse(answer.body) as BenchAgent);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: Math.min(MAKERS, count) }, make));
  return agents;
}
