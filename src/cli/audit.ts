import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { DecisionVerifier, type Verdict } from '../decisions/decision-verifier.js';
import type { Env } from '../config/env.js';
import { type Say, withDatabase } from './database.js';
import { CommandError, type Outcome, wrongUsage } from './outcome.js';
import { withServices } from './services.js';

interface VerifyOptions {
  stream?: string;
  heads?: string;
}

const STREAM = /^(system|(import:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const HEAD_LINE = /decision head (system|(?:import:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) (\d{1,15}) ([0-9a-f]{64})/;

type Logged = Map<string, Map<number, string>>;

/** Was anything of the history of decisions changed? Exit code 1 when it was, or could not be checked. */
export function verifyAudit(env: Env, say: Say, { stream, heads }: VerifyOptions): Promise<Outcome> {
  const wanted = stream?.toLowerCase();
  if (wanted !== undefined && !STREAM.test(wanted)) throw wrongUsage('--stream: must be the id of an account, or system, or import: and the id of a run');
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const logged = heads === undefined ? undefined : await headsIn(heads);
      const verdict = await app.get(DecisionVerifier, { strict: false }).verify({
        stream: wanted, progress: progress(), ...(logged ? { logged } : {}),
      });
      return outcomeOf(verdict, logged);
    }),
  );
}

/** What the server logged once an hour, out of a log in whatever form. */
async function headsIn(path: string): Promise<Logged> {
  const logged: Logged = new Map();
  try {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const [, stream = '', number = '', hash = ''] = HEAD_LINE.exec(line) ?? [];
      if (stream === '') continue;
      const known = logged.get(stream) ?? new Map<number, string>();
      logged.set(stream, known.set(Number(number), hash));
    }
  } catch (error) {
    throw new CommandError('NO_SUCH_FILE', `--heads: ${(error as Error).message}`, 2);
  }
  if (logged.size === 0) throw new CommandError('NO_HEADS', `--heads: there is no line "decision head …" in ${path}`, 2);
  return logged;
}

const PROGRESS_EVERY_MS = 500;

/** One line that is written over; on a terminal only. */
function progress(): (checked: number) => void {
  let last = performance.now();
  return (checked) => {
    if (!process.stderr.isTTY || performance.now() - last < PROGRESS_EVERY_MS) return;
    last = performance.now();
    process.stderr.write(`\r${checked} decisions checked`);
  };
}

function outcomeOf({ ok, checked, unchecked, found, findings, streams }: Verdict, logged: Logged | undefined): Outcome {
  const lines = findings.map(({ stream, number, id, problem, detail }) => [stream, number === null ? 'head' : `number ${number}`, id, `${problem}: ${detail}`].filter(Boolean).join('  '));
  if (found > findings.length) lines.push(`… and ${found - findings.length} more`);
  const heads = logged ? `, ${[...logged.values()].reduce((sum, { size }) => sum + size, 0)} logged heads compared` : '';
  const sum = `${checked} decisions in ${streams.length} streams checked${heads}.`;
  return {
    json: { ok, checked, unchecked, found, firstBad: findings[0] ?? null, findings, streams },
    text: [...lines, ok ? `${sum} Nothing was changed.` : `${sum} ${found} findings.`].join('\n'),
    exitCode: ok ? 0 : 1,
  };
}
