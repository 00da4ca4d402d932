/** What an agent should be doing rides on every answer to it, beside the bodies that carry it whole. */
export const DESIRED_STATE_HEADER = 'X-Desired-State';

/** Such as `active;run=paused;v=12`. */
export const desiredStateHeader = ({ state, run, version }: { state: string; run: string; version: number }): string => `${state};run=${run};v=${version}`;
