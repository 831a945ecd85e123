/** What changed between two token sequences: an edit script by ids, with a bound on the work. */

/** For each entry of the new sequence, the index it had in the old one, or -1 if it is new. */
export type Alignment = Int32Array;

/** Cells of the table above which the middle is compared place by place instead. */
const MAX_CELLS = 4_000_000;

/** Common start and end are matched first, the longest common subsequence in between. */
export function align(before: ArrayLike<number>, after: ArrayLike<number>): Alignment {
  const map = new Int32Array(after.length).fill(-1);
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) {
    map[start] = start;
    start++;
  }
  let endBefore = before.length;
  let endAfter = after.length;
  while (endBefore > start && endAfter > start && before[endBefore - 1] === after[endAfter - 1]) {
    endBefore--;
    endAfter--;
    map[endAfter] = endBefore;
  }
  const rows = endBefore - start;
  const columns = endAfter - start;
  if (rows === 0 || columns === 0) return map;
  if (rows * columns > MAX_CELLS) {
    for (let i = 0; i < Math.min(rows, columns); i++) {
      if (before[start + i] === after[start + i]) map[start + i] = start + i;
    }
    return map;
  }
  const width = columns + 1;
  const length = new Uint16Array((rows + 1) * width);
  const at = (i: number, j: number) => length[i * width + j] ?? 0;
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      length[i * width + j] =
        before[start + i] === after[start + j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  for (let i = 0, j = 0; i < rows && j < columns; ) {
    if (before[start + i] === after[start + j]) {
      map[start + j] = start + i;
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return map;
}
