// The chart: uPlot for axes, lines and the cursor; over it what uPlot has not: the gradient, the
// price's tag, where a rule would have fired, and a line that can be dragged to make one.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { alongside, perCent, spread } from "../data/compare.ts";
import type { History, Seam } from "../data/history.ts";
import { compact, percent, price } from "../lib/format.ts";
import { token } from "../lib/settings.ts";
import { clockTime, day, moment, zone } from "../lib/time.ts";
import { AXIS_PX, drawTags, type Tag } from "./tags.ts";

/** Of a moment below the chart. */
const HALF_LABEL_PX = 18;
const HIT_PX = { mouse: 8, touch: 16, pen: 16 } as Record<string, number>;

export interface ChartEvents {
  /** The line is dragged, or was moved by a key. */
  line: (value: number, done: boolean) => void;
  /** What stands under the cursor; null when it leaves. */
  read: (text: string | null) => void;
}

/** What one may lay over the series: another one, on an axis of its own or both in per cent from
 * where they begin, and the band of mean ± σ of what is shown. */
export interface Over {
  other: History | null;
  percent: boolean;
  band: boolean;
}

/** Five significant digits, as DASHBOARD's line keeps them. */
const five = (value: number): number => Number(value.toPrecision(5));

export class Chart {
  private plot: uPlot | null = null;
  private data: History | null = null;
  private tip = NaN;
  private line: number | null = null;
  private marks: readonly number[] = [];
  private over: Over = { other: null, percent: false, band: false };
  /** The values that the axis of the series names. */
  private levels: readonly number[] = [];
  private dragging = false;
  private before: number | null = null;
  private readonly watcher: ResizeObserver;

  constructor(
    private readonly box: HTMLElement,
    private readonly events: ChartEvents,
  ) {
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(box);
    box.addEventListener("pointerdown", this.press, { capture: true });
    box.addEventListener("pointermove", this.hover);
    box.addEventListener("dblclick", this.create, { capture: true });
  }

  destroy(): void {
    this.watcher.disconnect();
    this.plot?.destroy();
  }

  show(data: History): void {
    const range = this.data?.times.length ? `${this.data.step}` : "";
    this.data = data;
    if (this.plot && range === data.step) this.plot.setData(this.columns());
    else this.build();
  }

  /** The live value, drawn as the newest point. */
  setTip(value: number): void {
    if (Object.is(value, this.tip)) return;
    this.tip = value;
    if (this.data) this.plot?.setData(this.columns());
  }

  setLine(value: number | null): void {
    this.line = value;
    if (!this.dragging) this.plot?.setData(this.columns());
    else this.plot?.redraw(false);
  }

  /** Moments at which a rule would have fired, seconds. */
  setMarks(times: readonly number[]): void {
    this.marks = times;
    this.plot?.redraw(false);
  }

  setOver(over: Over): void {
    this.over = over;
    this.build();
  }

  /** Draw anew: the theme or the zone is another one. */
  build(): void {
    if (!this.data) return;
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), this.columns(), this.box);
  }

  /** On the ground of the page, which a canvas does not have. */
  png(): string | null {
    const drawn = this.plot?.ctx.canvas;
    const paper = document.createElement("canvas");
    const pen = paper.getContext("2d");
    if (!drawn || !pen) return null;
    [paper.width, paper.height] = [drawn.width, drawn.height];
    pen.fillStyle = token("panel");
    pen.fillRect(0, 0, paper.width, paper.height);
    pen.drawImage(drawn, 0, 0);
    return paper.toDataURL("image/png");
  }

  private get inPercent(): boolean {
    return this.over.percent && this.over.other !== null;
  }

  private columns(): uPlot.AlignedData {
    const { times, values, volumes } = this.data!;
    const live = !Number.isNaN(this.tip) && times.length > 0;
    const at = live ? [...times, Math.max(Date.now() / 1000, times.at(-1)! + 1)] : times;
    const main = live ? [...values, this.tip] : values;
    const other = this.over.other ? alongside(at, this.over.other) : at.map(() => null);
    const shown = (one: (number | null)[]) => (this.inPercent ? perCent(one) : one);
    return [at, shown(main), live ? [...volumes, null] : volumes, shown(other)];
  }

  private level(value: number): string {
    return this.inPercent ? percent(value) : price(value);
  }

  private size(): { width: number; height: number } {
    return { width: this.box.clientWidth || 300, height: this.box.clientHeight || 240 };
  }

  private resize(): void {
    if (this.plot) this.plot.setSize(this.size());
    else this.build();
  }

  private options(): uPlot.Options {
    const grid = { stroke: token("line"), width: 1 };
    const axis = { stroke: token("dim"), font: "12px 'Inter Variable', system-ui, sans-serif", grid, ticks: { show: false } };
    return {
      ...this.size(),
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), zone()),
      legend: { show: false },
      padding: [12, 0, 0, 0],
      cursor: { y: true, points: { size: 7, fill: token("accent") }, drag: { x: true, y: false } },
      scales: {
        x: { time: true },
        y: { range: (_, low, high) => this.span(low, high) },
        v: { range: (_, __, high) => [0, (high || 1) * 5] },
        o: { range: (_, low, high) => (Number.isFinite(low) ? roomy(low, high) : [0, 1]) },
      },
      axes: [
        { ...axis, size: 30, space: 56, values: (plot, splits) => this.hours(plot, splits) },
        { ...axis, side: 1, size: AXIS_PX, space: 46, gap: 8, values: (_, splits) => this.named(splits) },
        { ...axis, side: 3, scale: "o", show: this.over.other !== null && !this.inPercent, stroke: token("warn"), size: AXIS_PX, space: 46, grid: { show: false }, values: (_, splits) => splits.map((value) => price(value)) },
      ],
      series: [
        {},
        { scale: "y", stroke: token("accent"), width: 1.5, points: { show: false }, ...(this.over.other ? {} : { fill: (plot: uPlot) => this.gradient(plot) }) },
        { scale: "v", width: 0, fill: token("volume"), paths: uPlot.paths.bars!({ size: [0.8, 6] }), points: { show: false } },
        { scale: this.inPercent ? "y" : "o", stroke: token("warn"), width: 1.5, points: { show: false }, show: this.over.other !== null },
      ],
      hooks: { draw: [(plot) => this.overlay(plot)], setCursor: [(plot) => this.read(plot)] },
    };
  }

  /** Room for the line, too, while it is near what is drawn. */
  private span(low: number, high: number): [number, number] {
    if (low === null || !Number.isFinite(low)) return [0, 1];
    let [from, to] = [low, high];
    const reach = (high - low || Math.abs(high) || 1) * 1.5;
    if (!this.inPercent && this.line !== null && this.line < high + reach && this.line > low - reach) {
      from = Math.min(from, this.line);
      to = Math.max(to, this.line);
    }
    return roomy(from, to);
  }

  private named(splits: number[]): string[] {
    this.levels = splits;
    return splits.map((value) => this.level(value));
  }

  /** But what would be cut off at the left. */
  private hours(plot: uPlot, splits: number[]): string[] {
    const days = (splits.at(-1)! - splits[0]!) / 86_400;
    const from = plot.bbox.left / devicePixelRatio;
    return splits.map((at) => (from + plot.valToPos(at, "x") < HALF_LABEL_PX ? "" : days > 2 ? day(at * 1000) : clockTime(at * 1000)));
  }

  private gradient(plot: uPlot): CanvasGradient {
    const made = plot.ctx.createLinearGradient(0, plot.bbox.top, 0, plot.bbox.top + plot.bbox.height);
    made.addColorStop(0, `${token("accent")}40`);
    made.addColorStop(1, `${token("accent")}00`);
    return made;
  }

  private overlay(plot: uPlot): void {
    const pen = plot.ctx;
    pen.save();
    const tip = (plot.data[1] as (number | null)[]).findLast((value) => value !== null);
    this.band(plot);
    const tags: Tag[] = [];
    if (this.line !== null && !this.inPercent) {
      const y = plot.valToPos(this.line, "y", true);
      this.rule(plot, y);
      tags.push({ y, text: price(this.line), color: token("warn") });
    }
    if (typeof tip === "number") tags.push({ y: plot.valToPos(tip, "y", true), text: this.level(tip), color: token("accent") });
    drawTags(plot, tags, this.levels);
    this.data!.seams.forEach((seam) => this.seam(plot, seam));
    this.marks.forEach((at) => this.mark(plot, at));
    pen.restore();
  }

  /** Mean ± σ of what is shown. */
  private band(plot: uPlot): void {
    const told = this.over.band ? spread(plot.data[1] as (number | null)[]) : null;
    if (!told) return;
    const { left, width } = plot.bbox;
    const [top, middle, bottom] = [told.mean + told.sigma, told.mean, told.mean - told.sigma].map((value) => plot.valToPos(value, "y", true)) as [number, number, number];
    plot.ctx.fillStyle = token("volume");
    plot.ctx.fillRect(left, top, width, bottom - top);
    plot.ctx.fillStyle = token("dim");
    plot.ctx.fillRect(left, middle, width, devicePixelRatio);
  }

  private rule(plot: uPlot, y: number): void {
    const pen = plot.ctx;
    const { left, width } = plot.bbox;
    pen.strokeStyle = token("warn");
    pen.lineWidth = 1.5 * devicePixelRatio;
    pen.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    pen.beginPath();
    pen.moveTo(left, y);
    pen.lineTo(left + width, y);
    pen.stroke();
    pen.setLineDash([]);
  }

  /** Where another venue begins, and which. */
  private seam(plot: uPlot, { at, source }: Seam): void {
    const pen = plot.ctx;
    const { top, height } = plot.bbox;
    const x = plot.valToPos(at, "x", true);
    pen.strokeStyle = pen.fillStyle = token("warn");
    pen.lineWidth = 1.5 * devicePixelRatio;
    pen.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    pen.beginPath();
    pen.moveTo(x, top);
    pen.lineTo(x, top + height);
    pen.stroke();
    pen.setLineDash([]);
    pen.font = `${12 * devicePixelRatio}px 'Inter Variable', system-ui, sans-serif`;
    pen.fillText(source, x + 4 * devicePixelRatio, top + 12 * devicePixelRatio);
  }

  private mark(plot: uPlot, at: number): void {
    const { times, values } = this.data!;
    const place = Math.max(0, times.findIndex((time) => time >= at));
    const value = values[place];
    if (typeof value !== "number" || at < times[0]! || this.inPercent) return;
    const x = plot.valToPos(times[place]!, "x", true);
    const y = plot.valToPos(value, "y", true) - 5 * devicePixelRatio;
    const half = 4.5 * devicePixelRatio;
    const pen = plot.ctx;
    pen.fillStyle = token("warn");
    pen.beginPath();
    pen.moveTo(x - half, y - 2 * half);
    pen.lineTo(x + half, y - 2 * half);
    pen.lineTo(x, y);
    pen.fill();
  }

  private read(plot: uPlot): void {
    const place = plot.cursor.idx;
    if (place === null || place === undefined || (plot.cursor.left ?? -1) < 0) return this.events.read(null);
    const [times, values, volumes, others] = plot.data;
    const at = times[place]!;
    const value = values![place];
    const volume = volumes![place];
    const other = others![place];
    const why = this.data!.marks[place];
    const told = [moment(at * 1000), typeof value !== "number" ? "nothing known" : this.level(value), typeof other === "number" ? `other ${this.level(other)}` : "", volume ? `vol ${compact(volume)}` : "", why ?? ""];
    this.events.read(told.filter(Boolean).join(" · "));
  }

  // The line that is dragged

  private valueAt(event: PointerEvent | MouseEvent): number {
    const over = this.plot!.over.getBoundingClientRect();
    return five(this.plot!.posToVal(event.clientY - over.top, "y"));
  }

  private near(event: PointerEvent): boolean {
    if (this.line === null || !this.plot || this.inPercent) return false;
    const over = this.plot.over.getBoundingClientRect();
    const y = this.plot.valToPos(this.line, "y");
    const within = event.clientX >= over.left && event.clientX <= over.right + AXIS_PX;
    return within && Math.abs(event.clientY - over.top - y) <= (HIT_PX[event.pointerType] ?? 8);
  }

  private readonly hover = (event: PointerEvent): void => {
    this.box.classList.toggle("on-line", this.dragging || this.near(event));
  };

  private readonly press = (event: PointerEvent): void => {
    if (event.button !== 0 || !this.near(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.dragging = true;
    this.before = this.line;
    this.box.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent) => this.drag(this.valueAt(moved), false);
    const cancel = (key: KeyboardEvent) => {
      if (key.key !== "Escape") return;
      key.stopPropagation();
      end();
      this.drag(this.before!, true);
    };
    const up = (moved: PointerEvent) => {
      end();
      this.drag(this.valueAt(moved), true);
    };
    const end = () => {
      this.dragging = false;
      this.box.removeEventListener("pointermove", move);
      this.box.removeEventListener("pointerup", up);
      removeEventListener("keydown", cancel, true);
    };
    this.box.addEventListener("pointermove", move);
    this.box.addEventListener("pointerup", up);
    addEventListener("keydown", cancel, true);
  };

  private drag(value: number, done: boolean): void {
    this.line = value;
    this.plot!.redraw(false);
    this.events.line(value, done);
  }

  /** A double click beside the plot, on the price's axis, makes a line. */
  private readonly create = (event: MouseEvent): void => {
    if (!this.plot || this.inPercent || event.clientX < this.plot.over.getBoundingClientRect().right) return;
    event.stopPropagation();
    this.drag(this.valueAt(event), true);
    this.plot.setData(this.columns());
  };
}

/** With room for what lies below. */
function roomy(from: number, to: number): [number, number] {
  const room = (to - from || Math.abs(to) * 0.01 || 1) * 0.08;
  return [from - room * 2.4, to + room];
}
