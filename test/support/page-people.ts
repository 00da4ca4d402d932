import { ADMIN, type TestApp } from './app.js';

let made = 0;

/** Somebody of this role who can sign in in the page. */
export async function pagePerson(t: Pick<TestApp, 'http'>, role: 'viewer' | 'operator' | 'admin'): Promise<{ id: string; email: string; password: string }> {
  const email = `page-${role}-${process.pid}-${++made}@example.com`;
  const answer = await t.http<{ id: string }>('POST', '/users', { body: { email, role, password: ADMIN.password } });
  if (answer.status !== 201) throw new Error(answer.text);
  return { id: answer.body.id, email, password: ADMIN.password };
}
