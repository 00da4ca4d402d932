/** What an agent should be doing rides on every answer to it, beside the bodies that carry it whole. */
export const DESIRED_STATE_HEADER = 'X-Desired-State';

/** Such as `active;v=12;run=paused`: what the contract names comes first. */
export const desiredStateHeader = ({ state, run, version }: { state: string; run: string; version: number }): string => `${state};v=${version};run=${run}`;
