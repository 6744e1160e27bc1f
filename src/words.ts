/** Lines of words, as labels of images and instructions hold them (pure). */

/** Words between spaces; quotes and backslashes as a shell reads them. */
export function splitWords(text: string): string[] {
  const pattern = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs;
  return [...text.matchAll(pattern)].map(([word]) =>
    word.replace(
      /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs,
      (_, escaped, double, single) =>
        escaped ?? double?.replace(/\\(["\\$])/g, "$1") ?? single ?? "",
    ),
  );
}
