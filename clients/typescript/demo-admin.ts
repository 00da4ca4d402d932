import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const commandLine = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'cli.js');

/**
 * Makes the demo's administrator with the command line, for an embedded database that already has other users (after an
 * `npm start`, say). Whoever can run this can read the database's files anyway. The password goes through a pipe, never
 * through the arguments, which everybody can list.
 * @returns false where that is not possible: then a person has to give credentials.
 */
export async function makeAdministrator(email: string, password: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (env.DATABASE_URL || !existsSync(commandLine)) return false;
  const made = await runCommand(['user:create', email, '--role', 'admin', '--password', 'stdin'], password, env);
  return made || runCommand(['user:password', email, '--password', 'stdin'], password, env);
}

function runCommand(args: string[], input: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const child = spawn(process.execPath, [commandLine, ...args], { env, stdio: ['pipe', 'ignore', 'ignore'], timeout: 60_000 });
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${input}\n`);
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}
