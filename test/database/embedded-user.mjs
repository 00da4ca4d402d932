/**
 * One process that uses the embedded database of a DATA_DIR, as the server or the command line does:
 *   node --import ./embedded-loader.mjs embedded-user.mjs DATA_DIR [TIMES]
 * Writes one JSON object a line. Without TIMES it stays until it reads "release"; with TIMES it comes and goes that
 * often, and asks the database something in between.
 */
import { createInterface } from 'node:readline';
import pg from 'pg';

const { useEmbedded } = await import(new URL('../../src/database/embedded/embedded.ts', import.meta.url).href);

const [dataDir, times] = process.argv.slice(2);
const say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
const use = () => useEmbedded({ dataDir, log: (line) => say('log', { line }), startTimeoutMs: 20_000 });

async function stay() {
  const { adminUrl, port, pid, started, cluster, release } = await upAndBound();
  say('up', { adminUrl, port, pid, started, cluster });
  for await (const line of createInterface({ input: process.stdin })) if (line === 'release') break;
  await release();
  say('released');
}

async function upAndBound() {
  const database = await use();
  const { adminUrl, port, pid, started, cluster } = database;
  return { adminUrl, port, pid, started, cluster, release: () => database.release() };
}

async function comeAndGo() {
  for (let visit = 0; visit < Number(times); visit++) {
    const database = await use();
    const client = new pg.Client({ connectionString: database.adminUrl });
    await client.connect();
    await client.query('INSERT INTO visits (process) VALUES ($1)', [process.pid]);
    await client.end();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
    await database.release();
  }
  say('released');
}

try {
  await (times ? comeAndGo() : stay());
  process.stdin.destroy();
} catch (error) {
  say('failed', { message: error.message });
  process.exit(1);
}
