/** Stripes over rows that were not run: an estimate is seen to be one, whatever ink it has. */
import type { Inks } from "../../kit/shared/inks.ts";
import { type Extent, rowScale, type Viewport } from "../../kit/shared/viewport.ts";

/** CSS pixels between two stripes, and of one. */
const STEP = 6;
const WIDTH = 2;

/** Draws in CSS pixels from the left top of the cells. */
export function drawStripes(
  isEstimate: (row: number) => boolean,
  context: CanvasRenderingContext2D,
  view: Viewport,
  extent: Extent,
  inks: Inks,
): void {
  const high = rowScale(view, extent);
  context.save();
  context.beginPath();
  for (let row = 0; row < extent.rows; row++) {
    if (isEstimate(row)) context.rect(0, (row - view.y) * high, extent.width, high);
  }
  context.clip();
  const line = (offset: number, style: string, alpha: number, width: number) => {
    context.strokeStyle = style;
    context.globalAlpha = alpha;
    context.lineWidth = width;
    context.beginPath();
    for (let at = offset - extent.height; at < extent.width; at += STEP) {
      context.moveTo(at, extent.height);
      context.lineTo(at + extent.height, 0);
    }
    context.stroke();
  };
  // Paper takes the ink away in strips; a faint line beside each shows them where there is no ink to take.
  line(0, inks.paper, 0.75, WIDTH);
  line(WIDTH, inks.soft, 0.2, 1);
  context.restore();
}
