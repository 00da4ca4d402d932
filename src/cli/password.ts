import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { wrongUsage } from './outcome.js';

const PASSWORD_SOURCES = ['prompt', 'stdin', 'generated'] as const;
export type PasswordSource = (typeof PASSWORD_SOURCES)[number];

/** For the option: it names a source, since a password in the arguments is seen by everybody who lists processes. */
export function passwordSource(value: string): PasswordSource {
  const source = PASSWORD_SOURCES.find((each) => each === value);
  if (!source) throw wrongUsage(`--password says where the password comes from: ${PASSWORD_SOURCES.join(', ')}. It never stands on the command line.`);
  return source;
}

export async function passwordFrom(source: PasswordSource | undefined): Promise<{ password: string; generated: boolean }> {
  switch (source ?? (process.stdin.isTTY ? 'prompt' : 'generated')) {
    case 'generated':
      return { password: randomBytes(18).toString('base64url'), generated: true };
    case 'stdin':
      return { password: await firstLine(), generated: false };
    case 'prompt':
      return { password: await typedTwice(), generated: false };
  }
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  throw wrongUsage('There is no password on stdin.');
}

async function typedTwice(): Promise<string> {
  if (!process.stdin.isTTY) throw wrongUsage('There is no terminal to ask on: use --password stdin or --password generated.');
  const password = await typed('Password: ');
  if ((await typed('Again: ')) !== password) throw wrongUsage('The two passwords differ.');
  return password;
}

/** Nothing of what is typed is shown. */
function typed(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve) =>
    reader.question('', (answer) => {
      reader.close();
      process.stderr.write('\n');
      resolve(answer);
    }),
  );
}
