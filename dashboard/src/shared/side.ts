/** `long`; of a binary contract `long no`: without its outcome nobody knows on which side it is. */
export const sideOf = ({ direction, outcome }: { direction: string; outcome: string | null }): string => (outcome === null ? direction : `${direction} ${outcome}`);
