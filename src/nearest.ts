/** The name that somebody who mistyped probably meant. */

/**
 * The nearest of the names, if it is near: two slips at most, and one for every three letters, or a
 * beginning of three letters and more. Leading dashes do not count.
 */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const bare = withoutDashes(typed);
  const [best] = names
    .map((name) => ({ name, slips: distance(bare, withoutDashes(name)) }))
    .filter(({ name, slips }) => slips <= tolerated(bare, withoutDashes(name)))
    .sort((a, b) => a.slips - b.slips);
  if (best !== undefined) return best.name;
  return bare.length >= 3 ? names.find((name) => withoutDashes(name).startsWith(bare)) : undefined;
}

/** Of a short name two slips leave nothing: `bogus` does not mean `logs`. */
function tolerated(typed: string, name: string): number {
  return Math.min(2, Math.floor(Math.max(typed.length, name.length) / 3));
}

const withoutDashes = (text: string) => text.replace(/^-+/, "");

/** Damerau-Levenshtein (optimal string alignment): insertions, deletions, changes and swaps. */
function distance(a: string, b: string): number {
  // far apart in any case; also bounds the work for a long hostile word
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let best = Math.min(change, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      const isSwap =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, (before[column - 2] ?? 0) + 1);
      current.push(best);
    }
    before = above;
    above = current;
  }
  return above[b.length] ?? 0;
}
