import {
  CandlestickSeries, createChart, createSeriesMarkers, type IChartApi, type ISeriesApi, type ISeriesMarkersPluginApi, LineSeries, LineStyle, LineType, type SeriesMarker, type Time, type UTCTimestamp,
} from 'lightweight-charts';
import { roughly } from '../decimal.js';
import { bySecond, type ChartData, digitsOf, endOf, type Moment, placeOf } from './chart-data.js';
import { coloursNow } from './colours.js';
import { momentLabel, tickLabel } from './zone.js';

const utc = (seconds: number) => seconds as UTCTimestamp;

/** What is drawn into a box. This file brings the library, and is read only where a chart is shown. */
export class Drawing {
  private chart: IChartApi;
  private data: ChartData = {};
  /** The person's own zoom is kept while only figures change. */
  private isTheirs = false;

  constructor(private readonly box: HTMLElement) {
    this.chart = this.made();
    for (const event of ['pointerdown', 'touchstart'] as const) box.addEventListener(event, () => (this.isTheirs = true), { passive: true });
  }

  show(data: ChartData): void {
    this.data = data;
    this.draw();
  }

  recolour(): void {
    const view = this.chart.timeScale().getVisibleLogicalRange();
    this.chart.remove();
    this.chart = this.made();
    this.draw();
    if (view) this.chart.timeScale().setVisibleLogicalRange(view);
  }

  remove(): void {
    this.chart.remove();
  }

  private made(): IChartApi {
    const { line, quiet, surface } = coloursNow();
    const chart = createChart(this.box, {
      autoSize: true,
      // Its logo comes with a style element, which the content security policy refuses; the credit stands below the chart as text.
      layout: { attributionLogo: false, background: { color: surface }, textColor: quiet, fontSize: 12, fontFamily: getComputedStyle(this.box).fontFamily },
      grid: { vertLines: { visible: false }, horzLines: { color: line } },
      rightPriceScale: { borderColor: line, scaleMargins: { top: 0.14, bottom: 0.08 } },
      timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, rightOffset: 2, minBarSpacing: 0.02, tickMarkFormatter: (time: Time, tick: number) => tickLabel(time as number, tick) },
      localization: { timeFormatter: (time: Time) => momentLabel(time as number) },
      crosshair: { mode: 0, vertLine: { color: quiet }, horzLine: { color: quiet } },
      // A wheel that zooms would catch who wants to scroll the page.
      handleScroll: { mouseWheel: false, vertTouchDrag: false }, handleScale: { mouseWheel: false },
    });
    chart.timeScale().subscribeSizeChange(() => this.fit());
    return chart;
  }

  private draw(): void {
    for (const pane of this.chart.panes()) for (const series of pane.getSeries()) this.chart.removeSeries(series);
    const colours = coloursNow();
    const { candles = [], lines = [], moments = [], levels = [] } = this.data;
    const precision = digitsOf([...candles.flatMap(({ open, close }) => [open, close]), ...lines.flatMap(({ points }) => points.map(({ value }) => value)), ...levels.map(({ price }) => price)]);
    const common = { priceFormat: { type: 'price' as const, precision, minMove: 10 ** -precision }, lastValueVisible: false, priceLineVisible: false };
    const drawn: { series: ISeriesApi<'Line' | 'Candlestick'>; times: number[] }[] = [];
    if (candles.length > 0) {
      const series = this.chart.addSeries(CandlestickSeries, { ...common, upColor: colours.surface, borderUpColor: colours.text, wickUpColor: colours.text, downColor: colours.quiet, borderDownColor: colours.quiet, wickDownColor: colours.quiet });
      const rows = bySecond(candles);
      series.setData(rows.map(({ time, row }) => ({ time: utc(time), open: roughly(row.open), high: roughly(row.high), low: roughly(row.low), close: roughly(row.close) })));
      drawn.push({ series: series as ISeriesApi<'Line' | 'Candlestick'>, times: rows.map(({ time }) => time) });
    }
    for (const { points, colour, steps } of lines) {
      const series = this.chart.addSeries(LineSeries, { ...common, color: colours[colour], lineWidth: 2, lineType: steps ? LineType.WithSteps : LineType.Simple, crosshairMarkerVisible: true });
      const rows = bySecond(points);
      series.setData(rows.map(({ time, row }) => (row.value === null ? { time: utc(time) } : { time: utc(time), value: roughly(row.value) })));
      drawn.push({ series: series as ISeriesApi<'Line' | 'Candlestick'>, times: rows.map(({ time }) => time) });
    }
    const first = drawn[0];
    if (!first) return;
    for (const { name, price, colour } of levels) first.series.createPriceLine({ price: roughly(price), color: colours[colour], lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: true, title: name });
    this.mark(first.series, first.times, moments);
    // Candles are there for the sake of a range that holds the levels too.
    const range = levels.map(({ price }) => roughly(price));
    if (range.length > 0) first.series.applyOptions({ autoscaleInfoProvider: (own: () => { priceRange: { minValue: number; maxValue: number } | null } | null) => widened(own(), range) });
    this.fit();
  }

  private fit(): void {
    if (!this.isTheirs) this.chart.timeScale().fitContent();
  }

  private mark(series: ISeriesApi<'Line' | 'Candlestick'>, times: number[], moments: readonly Moment[]): ISeriesMarkersPluginApi<Time> {
    const colours = coloursNow();
    const until = endOf(times);
    const markers = moments.flatMap(({ at, sign, colour, shape, price }): SeriesMarker<Time>[] => {
      const time = placeOf(at, times, until);
      if (time === null) return [];
      const look = { time: utc(time), shape, color: colours[colour], text: sign };
      return [price === null || price === undefined ? { ...look, position: 'aboveBar' } : { ...look, position: 'atPriceMiddle', price: roughly(price) }];
    });
    return createSeriesMarkers(series, markers.sort((a, b) => (a.time as number) - (b.time as number)));
  }
}

function widened(own: { priceRange: { minValue: number; maxValue: number } | null } | null, levels: readonly number[]) {
  const range = own?.priceRange;
  return range ? { ...own, priceRange: { minValue: Math.min(range.minValue, ...levels), maxValue: Math.max(range.maxValue, ...levels) } } : own;
}
