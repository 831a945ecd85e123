/** Tiles of numbers as bitmaps: each is coloured once, those not seen for longest go when the bytes are spent. */
import { type Inks, pixel } from "./inks.ts";

/** Cells of a tile a side. */
export const TILE = 256;

/** A colour for every strength from -255 to 255 (index 0 to 510); zero is nothing, so that the paper shows. */
export function colourTable(inks: Inks, signed: boolean): Uint32Array<ArrayBuffer> {
  const table = new Uint32Array(511);
  for (let i = 1; i <= 255; i++) {
    table[255 + i] = pixel(inks.one, i);
    table[255 - i] = pixel(signed ? inks.against : inks.one, i);
  }
  return table;
}

/** Colour `values` into `out`: `top` in size is full ink, what is not a number is grey. */
export function colourInto(out: Uint32Array, values: ArrayLike<number>, top: number, table: Uint32Array): void {
  const factor = top > 0 ? 255 / top : 0;
  for (let i = 0; i < out.length; i++) {
    const at = (values[i] as number) * factor + 255.5;
    out[i] =
      at < 1 ? (table[0] as number) : at < 511 ? (table[at | 0] as number) : at >= 511 ? (table[510] as number) : NAN;
  }
}

const NAN = pixel([128, 128, 128], 90);

export class Rasters {
  private readonly kept = new Map<number, ImageBitmap>();
  /** Used since the frame began: never dropped, or a small budget would have every frame colour them anew. */
  private readonly used = new Set<number>();
  private bytes = 0;
  private readonly buffer = new ArrayBuffer(TILE * TILE * 4);
  private readonly scratch = new OffscreenCanvas(1, 1);
  budget: number;

  constructor(budget: number) {
    this.budget = budget;
  }

  /** Drop what is beyond the budget, but nothing that this frame used. */
  endFrame(): void {
    this.shed(this.budget);
    this.used.clear();
  }

  get(key: number): ImageBitmap | undefined {
    const found = this.kept.get(key);
    if (found) {
      this.kept.delete(key);
      this.kept.set(key, found);
      this.used.add(key);
    }
    return found;
  }

  /** Draw a tile coloured by `colour` and keep it; null where there is no memory for it even after half was shed. */
  make(key: number, width: number, height: number, colour: (out: Uint32Array) => void): ImageBitmap | null {
    colour(new Uint32Array(this.buffer, 0, width * height));
    let made = this.draw(width, height);
    if (!made) {
      this.shed(this.bytes / 2);
      made = this.draw(width, height);
    }
    if (!made) return null;
    this.kept.set(key, made);
    this.used.add(key);
    this.bytes += width * height * 4;
    return made;
  }

  clear(): void {
    this.used.clear();
    this.shed(-1);
  }

  /** The buffer as a bitmap, or null: browsers throw errors of several kinds when they can't have the memory. */
  private draw(width: number, height: number): ImageBitmap | null {
    const { scratch, buffer } = this;
    try {
      scratch.width = width;
      scratch.height = height;
      const pixels = new ImageData(new Uint8ClampedArray(buffer, 0, width * height * 4), width, height);
      scratch.getContext("2d")?.putImageData(pixels, 0, 0);
      return scratch.transferToImageBitmap();
    } catch {
      return null;
    }
  }

  /** Drop what was not used for longest until at most `most` bytes are left. */
  private shed(most: number): void {
    for (const [key, bitmap] of this.kept) {
      if (this.bytes <= most || this.used.has(key)) return;
      this.bytes -= bitmap.width * bitmap.height * 4;
      this.kept.delete(key);
      bitmap.close();
    }
  }
}
