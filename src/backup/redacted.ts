import type { Env } from '../config/env.js';

const ERROR_MOST = 500;

const passwordOf = (url: string | undefined): string[] => {
  if (url === undefined || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [password, decodeURIComponent(password)];
};

/** One line of what went wrong, without passwords of ours: it is stored, shown and sent to telephones. */
export function redacted(text: string, env: Env, further: readonly string[] = []): string {
  const secrets = [...passwordOf(env.DATABASE_URL), ...passwordOf(env.DATABASE_OWNER_URL), ...passwordOf(env.DATABASE_UNPOOLED_URL), ...passwordOf(env.BACKUP_SCRATCH_URL), ...further];
  let line = text.replaceAll(/\s+/g, ' ').trim();
  for (const secret of secrets.filter((each) => each.length > 3).sort((one, other) => other.length - one.length)) line = line.replaceAll(secret, '***');
  return line.replaceAll(/(\w+:\/\/[^\s:@/]*):[^\s@/]+@/g, '$1:***@').slice(0, ERROR_MOST) || 'it failed without a word';
}
