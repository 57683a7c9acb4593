// What stands on the axis beside the chart: the price of now and that of the alert's line. Tags keep
// apart from each other, and a label of the axis that a tag would cut is not shown.
import type uPlot from "uplot";
import { token } from "../lib/settings.ts";

/** Width of the axis beside the plot. */
export const AXIS_PX = 78;
const TAG_PX = 18;
const LABEL_PX = 14;
const LEFT_PX = 3;
const BETWEEN_PX = 1;

/** y: of its middle, in pixels of the canvas. */
export interface Tag {
  y: number;
  text: string;
  color: string;
}

/** levels: the values that the axis names, already drawn. */
export function drawTags(plot: uPlot, tags: readonly Tag[], levels: readonly number[]): void {
  const placed = apart(tags, plot);
  const reach = ((TAG_PX + LABEL_PX) / 2) * devicePixelRatio;
  for (const level of levels) {
    const y = plot.valToPos(level, "y", true);
    if (placed.some((tag) => Math.abs(tag.y - y) < reach)) clear(plot, y);
  }
  placed.forEach((tag) => drawTag(plot, tag));
}

/** Beside the plot all of them; the two that would cover each other moved apart. */
function apart(tags: readonly Tag[], plot: uPlot): Tag[] {
  const half = (TAG_PX / 2) * devicePixelRatio;
  const lowest = plot.bbox.top + plot.bbox.height;
  const within = (y: number, room: number) => Math.min(lowest - room, Math.max(room, y));
  const placed = tags.map((tag) => ({ ...tag, y: within(tag.y, half) })).sort((a, b) => a.y - b.y);
  const [one, other] = placed;
  const apart = half + (BETWEEN_PX / 2) * devicePixelRatio;
  if (one && other && other.y - one.y < 2 * apart) {
    const middle = within((one.y + other.y) / 2, half + apart);
    one.y = middle - apart;
    other.y = middle + apart;
  }
  return placed;
}

const leftOf = (plot: uPlot): number => plot.bbox.left + plot.bbox.width + LEFT_PX * devicePixelRatio;

function clear(plot: uPlot, y: number): void {
  const high = LABEL_PX * devicePixelRatio;
  plot.ctx.clearRect(leftOf(plot), y - high / 2, AXIS_PX * devicePixelRatio, high);
}

function drawTag(plot: uPlot, { y, text, color }: Tag): void {
  const scale = devicePixelRatio;
  const pen = plot.ctx;
  const left = leftOf(plot);
  pen.fillStyle = color;
  pen.beginPath();
  pen.roundRect(left, y - (TAG_PX / 2) * scale, (AXIS_PX - 6) * scale, TAG_PX * scale, 3 * scale);
  pen.fill();
  pen.fillStyle = token("on-accent");
  pen.font = `600 ${11 * scale}px 'Inter Variable', system-ui, sans-serif`;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(text, left + 6 * scale, y + scale / 2);
}
