import css from './factors.module.css';

/** What a model weighed: a list of sentences, or names with their weights. */
export function Factors({ name, factors }: { name: string; factors: unknown }) {
  const lines = Array.isArray(factors) ? factors.map(told) : factors !== null && typeof factors === 'object' ? Object.entries(factors).map(([key, value]) => `${key}: ${told(value)}`) : [];
  if (lines.length === 0) return null;
  return <div><p className="small quiet">{name}</p><ul className={css.factors}>{lines.map((line, n) => <li key={n}>{line}</li>)}</ul></div>;
}

const told = (value: unknown): string => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));
