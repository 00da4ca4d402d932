import { createInterface } from 'node:readline';
import { wrongUsage } from './outcome.js';

/** Asks on a terminal for a word that is written out; elsewhere it must have been said with an option. */
export async function mustType(word: string, question: string, otherwise: string): Promise<void> {
  if (!process.stdin.isTTY) throw wrongUsage(`There is no terminal to ask on: ${otherwise}.`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await new Promise<string>((resolve) => {
    reader.once('close', () => resolve(''));
    reader.question(`${question}\nType ${word} to go on: `, resolve);
  });
  reader.close();
  if (answer.trim() !== word) throw wrongUsage(`Not done: ${word} was not typed.`);
}
