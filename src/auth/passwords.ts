import { randomBytes } from 'node:crypto';
import * as argon2 from 'argon2';

export const hashPassword = (password: string): Promise<string> => argon2.hash(password, { type: argon2.argon2id });

let nobody: Promise<string> | undefined;

/**
 * Is this the password behind the hash? Without a hash (there is no such user) the same work is done on one that
 * nothing fits, made by the same function: an answer's time must not say who has an account.
 */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  nobody ??= hashPassword(randomBytes(32).toString('base64'));
  const right = await argon2.verify(hash ?? (await nobody), password);
  return right && hash !== undefined;
}
