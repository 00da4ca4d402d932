/** Why a body cannot be read; it is stored all the same, for a person. */
export class ReadingFault extends Error {
  constructor(readonly code: string, detail: string) {
    super(detail);
  }
}

export const NOT_READABLE = 'BODY_NOT_READABLE';
export const notReadable = () => new ReadingFault(NOT_READABLE, 'The body is neither JSON, nor a form, nor KEY=VALUE lines.');

/** Names that reach behind an object when it is copied carelessly. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

export function checkKey(key: string): void {
  if (FORBIDDEN_KEYS.has(key)) throw new ReadingFault('KEY_NOT_ALLOWED', `The key ${key} is not allowed.`);
}

/** PostgreSQL stores neither NUL nor half a character. */
export function checkText(text: string): void {
  if (text.includes('\0')) throw new ReadingFault('TEXT_HAS_NUL', 'The body holds the NUL character.');
  if (!text.isWellFormed()) throw new ReadingFault('TEXT_NOT_UNICODE', 'The body holds half a character (a lone surrogate).');
}
