/** The name that somebody who mistyped probably meant. */

/** The nearest of the names, if it is near: at most two slips, or a beginning of three letters and more. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const scored = names
    .map((name) => ({ name, distance: distance(typed, name) }))
    .filter(({ name, distance: slips }) => slips <= Math.min(2, Math.floor(name.length / 2)))
    .sort((a, b) => a.distance - b.distance);
  const bare = typed.replace(/^-+/, "");
  return (
    scored[0]?.name ??
    (bare.length >= 3 ? names.find((name) => name.replace(/^-+/, "").startsWith(bare)) : undefined)
  );
}

/** Damerau-Levenshtein (optimal string alignment): insertions, deletions, changes and swaps. */
export function distance(a: string, b: string): number {
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
