/** What one look finds out. Null: could not be known, which is never well. */
export interface Facts {
  /** Of a round trip; null: no answer in time. */
  latencyMs: number | null;
  /** Why there was none. */
  databaseError: string | null;
  connections: { used: number; most: number } | null;
  /** Servers that were heard in the last ten minutes, this one among them. */
  servers: readonly ServerFacts[] | null;
  schedules: readonly ScheduleFacts[] | null;
  /** Agents that are to run and were heard within the hour, or within the hour before the trouble that there is; null also while a server is too young to have heard them. */
  agents: { heard: number; silent: number } | null;
  /** The worst severity of each kind of incident that is open. */
  incidents: Readonly<Record<string, { severity: string; count: number }>> | null;
  disk: readonly DiskFacts[];
}

export interface ServerFacts {
  name: string;
  silentSeconds: number;
  loopDelayMs: number;
  poolWaiting: number;
  eventsBehindSeconds: number | null;
}

export interface ScheduleFacts {
  name: string;
  /** Looked at every few seconds: it watches over what is open. */
  quick: boolean;
  lastError: string | null;
}

export interface DiskFacts {
  /** What lies there: `data`. */
  name: string;
  freePercent: number | null;
}
