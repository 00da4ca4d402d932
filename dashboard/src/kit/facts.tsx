import { Fragment, type ReactNode } from 'react';
import css from './facts.module.css';

/** Names and what they are, in two columns; under each other where there is no room. */
export function Facts({ of }: { of: readonly (readonly [name: string, value: ReactNode])[] }) {
  return <dl className={css.facts}>{of.map(([name, value]) => <Fragment key={name}><dt>{name}</dt><dd>{value}</dd></Fragment>)}</dl>;
}
