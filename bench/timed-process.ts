import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** What a command took from its start to its end. */
export interface Taken {
  ms: number;
  /** Of the process itself, in user and system mode. */
  processorMs: number;
  /** The most that it held in memory. */
  peakBytes: number;
  output: string;
}

const LOOK_EVERY_MS = 20;
const MS_PER_TICK = 10;

/** Runs a command to its end. @throws Error with what it said, when it fails */
export async function timed(file: string, args: readonly string[], options: { cwd: string; env: Record<string, string | undefined> }): Promise<Taken> {
  const began = performance.now();
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { output: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.error = (said.error + text).slice(-4_000)));
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', (code) => resolve(code)));
  let [isOver, peakBytes, processorMs, ms] = [false, 0, 0, 0];
  const watched = ended.finally(() => {
    isOver = true;
    ms = performance.now() - began;
  });
  watched.catch(() => undefined);
  // Both only grow: the last look says it, but for what came in the last hundredth of a second.
  while (!isOver) {
    const seen = look(child.pid ?? 0);
    if (seen) [peakBytes, processorMs] = [Math.max(peakBytes, seen.peakBytes), Math.max(processorMs, seen.processorMs)];
    await pause(LOOK_EVERY_MS);
  }
  const code = await watched;
  if (code !== 0) throw new Error(`${file} ${args.join(' ').slice(0, 200)} ended with ${code}: ${said.error || said.output.slice(-4_000)}`);
  return { ms, processorMs, peakBytes, output: said.output };
}

function look(pid: number): { peakBytes: number; processorMs: number } | null {
  try {
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return peak === undefined ? null : { peakBytes: Number(peak) * 1024, processorMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK };
  } catch {
    return null;
  }
}
