/** What the server wants of this agent. It rides on every answer and is a level: the latest one counts, not its history. */
export interface DesiredState {
  state: 'active' | 'reducing' | 'halted' | 'flatten';
  run: 'running' | 'paused' | 'stopped';
  version: number;
}

export type AgentStatus = 'stopped' | 'starting' | 'running' | 'paused' | 'stopping' | 'error';

const STATES: readonly string[] = ['active', 'reducing', 'halted', 'flatten'] satisfies DesiredState['state'][];
const RUNS: readonly string[] = ['running', 'paused', 'stopped'] satisfies DesiredState['run'][];

/**
 * Reads `halted;v=12;run=paused`; a header without `run` leaves that as it is known.
 * Null for anything else: what cannot be read changes nothing.
 */
export function parseDesiredHeader(header: string | null, known: DesiredState | null): DesiredState | null {
  if (header === null) return null;
  const [state, ...rest] = header.split(';').map((part) => part.trim());
  const fields = Object.fromEntries(rest.map((part) => part.split('=', 2) as [string, string]));
  return readDesired({ state, run: fields.run ?? known?.run, version: fields.v === undefined ? NaN : Number(fields.v) });
}

/** Checks a `desiredState` from a body. */
export function readDesired(value: unknown): DesiredState | null {
  if (typeof value !== 'object' || value === null) return null;
  const { state, run, version } = value as Record<string, unknown>;
  if (!STATES.includes(String(state)) || !RUNS.includes(String(run)) || !Number.isSafeInteger(version)) return null;
  return { state, run, version } as DesiredState;
}

/** Keeps the newer of two: answers to parallel requests arrive in any order. */
export function newer(known: DesiredState | null, seen: DesiredState | null): DesiredState | null {
  if (known === null || seen === null) return seen ?? known;
  return seen.version >= known.version ? seen : known;
}

/** Before its first answer an agent is paused: it does not know whether it may trade. */
export function statusFor(desired: DesiredState | null): AgentStatus {
  return desired === null ? 'starting' : desired.run;
}

/** New positions only while the run and the state both say so. */
export function mayOpen(desired: DesiredState | null): boolean {
  return desired !== null && desired.run === 'running' && desired.state === 'active';
}

/** While it is to run, the gate may be asked, and says no itself under a halt. */
export function mayPropose(desired: DesiredState | null): boolean {
  return mayDecide(desired) && desired?.run === 'running';
}

/** Under a halt or when stopped the strategy does not even decide; while paused or reducing it goes on predicting. */
export function mayDecide(desired: DesiredState | null): boolean {
  return desired !== null && desired.run !== 'stopped' && (desired.state === 'active' || desired.state === 'reducing');
}
