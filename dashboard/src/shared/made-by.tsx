import { Unknown } from '../kit/figures.js';

interface Maker {
  agentVersion: string | null;
  configHash: string | null;
  modelVersion: string | null;
  promptHash: string | null;
}

/** Two hashes differ at their beginning. */
const SHOWN_CHARACTERS = 20;
const short = (text: string): string => (text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);

/** Which code, model, configuration and prompt it comes from. */
export function MadeBy({ of: { agentVersion, configHash, modelVersion, promptHash } }: { of: Maker }) {
  const told = ([['version', agentVersion], ['model', modelVersion], ['configuration', configHash], ['prompt', promptHash]] as const).flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  if (told.length === 0) return <Unknown why="no version was told" />;
  return <span title={told.map(({ name, value }) => `${name} ${value}`).join('\n')}>{told.map(({ name, value }) => `${name} ${short(value)}`).join(' · ')}</span>;
}
