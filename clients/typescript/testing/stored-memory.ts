import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentMemory } from '../agent-memory.js';

/** Changes what an agent that is not running remembers, as a crash at another moment would have left it. */
export function changeMemory(folder: string, change: (memory: AgentMemory) => void): void {
  const path = join(folder, 'state.json');
  const memory = JSON.parse(readFileSync(path, 'utf8')) as AgentMemory;
  change(memory);
  writeFileSync(path, JSON.stringify(memory));
}
