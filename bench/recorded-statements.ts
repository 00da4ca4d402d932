/**
 * The application itself, which also writes down each statement that it sends: a line of JSON each into BENCH_STATEMENTS,
 * in the order of sending. What is sent again from there cannot differ from what the server sends.
 */
import { appendFileSync } from 'node:fs';
import pg from 'pg';

type Query = (this: pg.Client, ...args: unknown[]) => unknown;

const file = process.env['BENCH_STATEMENTS'];
if (!file) throw new Error('BENCH_STATEMENTS names no file');
const numbers = new WeakMap<pg.Client, number>();
let connections = 0;
const prototype = pg.Client.prototype as unknown as { query: Query };
const send = prototype.query;
prototype.query = function (...args) {
  const [what, given] = args;
  const { name, text, values } = typeof what === 'string' ? { name: undefined, text: what, values: given } : (what as { name?: string; text: string; values?: unknown });
  if (!numbers.has(this)) numbers.set(this, ++connections);
  appendFileSync(file, `${JSON.stringify({ connection: numbers.get(this), name, text, values: Array.isArray(values) ? values : (given ?? []) })}\n`);
  return send.apply(this, args);
};
await import('../src/main.js');
