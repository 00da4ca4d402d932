import { useEffect, useRef, useState } from 'react';
import { ProblemNote } from '../problem-note.js';
import css from './chart.module.css';
import { type ChartData, outside } from './chart-data.js';
import { ChartTables } from './chart-tables.js';
import { onColourChange } from './colours.js';
import type { Drawing } from './drawing.js';

interface Props {
  /** What is shown: "Candles of EURUSD, M5". */
  label: string;
  data: ChartData;
  /** Of the values, for the table. */
  unit?: string;
}

/** A chart, with all that it shows as tables behind a disclosure. */
export function Chart({ label, data, unit }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing>(null);
  const latest = useRef(data);
  const [error, setError] = useState<Error | null>(null);
  const [isDrawn, setDrawn] = useState(false);
  latest.current = data;
  const unseen = outside(data);

  useEffect(() => {
    let isGone = false;
    let stop = () => {};
    const draw = async () => {
      const { Drawing: Made } = await import('./drawing.js');
      if (isGone || !box.current) return;
      const made = new Made(box.current);
      drawing.current = made;
      made.show(latest.current);
      stop = onColourChange(() => made.recolour());
      setDrawn(true);
    };
    draw().catch((reason: unknown) => setError(reason as Error));
    return () => {
      isGone = true;
      stop();
      drawing.current?.remove();
      drawing.current = null;
    };
  }, []);

  useEffect(() => drawing.current?.show(data), [data]);

  return (
    <figure className={css.chart} aria-label={label}>
      <ProblemNote error={error} holds="The chart could not be drawn; its figures are in the table below." />
      <div ref={box} className={css.box} aria-hidden="true" data-drawn={isDrawn} />
      <figcaption className={`small quiet ${css.foot}`}>
        <span>{label}</span>
        <span>TradingView Lightweight Charts™ · Copyright (c) TradingView, Inc. · <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">tradingview.com</a></span>
      </figcaption>
      {unseen > 0 ? <p className="small quiet">{unseen} {unseen === 1 ? 'moment lies' : 'moments lie'} outside the time that is drawn; the table has {unseen === 1 ? 'it' : 'them'}.</p> : null}
      <ChartTables data={data} label={label} unit={unit} />
    </figure>
  );
}
