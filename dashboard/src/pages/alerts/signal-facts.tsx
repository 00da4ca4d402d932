import { Facts } from '../../kit/facts.js';
import { titleOf } from '../../kit/schema.js';

/** A signal in our words; what it does not say is left out, and counted. */
export function SignalFacts({ signal }: { signal: Record<string, unknown> }) {
  const said = Object.entries(signal).filter(([, value]) => value !== null && !(typeof value === 'object' && Object.values(value as object).every((each) => each === null)));
  const shown = (value: unknown) => (typeof value === 'object' ? Object.entries(value as object).filter(([, each]) => each !== null).map(([name, each]) => `${titleOf(name).toLowerCase()} ${String(each)}`).join(', ') : String(value));
  return <div className="stack"><Facts of={said.map(([name, value]) => [titleOf(name), shown(value)])} /><p className="small quiet">{Object.keys(signal).length - said.length} fields are not said.</p></div>;
}
