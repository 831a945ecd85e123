/** A matrix that is here as a whole, cut into the tiles that a heat map draws from. */

/** Cells of a tile a side. */
export const TILE = 256;

/** Tiles of an array that is here as a whole [rows, columns], pooled by maximum of sizes. */
export function tilesOf(array: Float32Array, rows: number, columns: number) {
  const made = new Map<string, Float32Array>();
  return (level: number, row: number, column: number): Float32Array | null => {
    const key = `${level}/${row}/${column}`;
    const kept = made.get(key);
    if (kept) return kept;
    const side = 2 ** level;
    const height = Math.min(TILE, Math.ceil(rows / side) - row * TILE);
    const width = Math.min(TILE, Math.ceil(columns / side) - column * TILE);
    if (height <= 0 || width <= 0) return null;
    const out = new Float32Array(height * width);
    for (let r = 0; r < height * side; r++) {
      for (let c = 0; c < width * side; c++) {
        const [i, j] = [row * TILE * side + r, column * TILE * side + c];
        if (i >= rows || j >= columns) continue;
        const at = Math.floor(r / side) * width + Math.floor(c / side);
        const value = array[i * columns + j] ?? 0;
        // What is not a number stays so, but where something else is in the same cell.
        if (Math.abs(value) > Math.abs(out[at] || 0) || (Number.isNaN(value) && out[at] === 0)) out[at] = value;
      }
    }
    made.set(key, out);
    return out;
  };
}
