/** Rows of results as text: aligned tables, and what `--format` makes of them. */
import { encodeJson } from "./template/functions.ts";
import { headingOf } from "./template/heading.ts";
import { compileTemplate, type Template } from "./template/template.ts";

/** podman's columns: at least this wide, and this far apart. */
const minWidth = 12;
const gap = 2;

/** Aligned lines, each ended by a newline; a column is as wide as its widest cell. */
export function renderTable(
  rows: readonly (readonly string[])[],
  header?: readonly string[],
): string {
  const lines = header ? [header, ...rows] : rows;
  const widths = columnWidths(lines);
  return lines.map((cells) => `${alignLine(cells, widths)}\n`).join("");
}

/** The last cell of a line does not widen its column, since nothing follows it (Go's tabwriter). */
function columnWidths(lines: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const cells of lines) {
    for (const [column, cell] of cells.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? minWidth, Bun.stringWidth(cell) + gap);
    }
  }
  return widths;
}

function alignLine(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => {
    return cell + " ".repeat(Math.max((widths[column] ?? 0) - Bun.stringWidth(cell), 0));
  });
  return padded.join("").trimEnd();
}

/** A column of a table: its heading, and the template of its cells. */
export interface Column {
  readonly header: string;
  readonly template: string;
}

/** What a listing command hands over. */
export interface Listing {
  /** Rows may have own getters; only those that a format names are called. */
  readonly rows: readonly object[];
  /** The table that is printed without a format. */
  readonly columns: readonly Column[];
  /** As typed: `json`, `table TEMPLATE`, `TEMPLATE`; `table` alone, "" and undefined: the columns. */
  readonly format?: string | undefined;
  /** Headings of fields in `table TEMPLATE`, besides those of columns that show just one field. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly noHeading?: boolean | undefined;
  /** What `--format json` prints, where that is not the rows. */
  readonly json?: () => unknown;
}

/** The text to print, ended by a newline unless it is empty. */
export function formatRows(listing: Listing): string {
  const format = listing.format?.trimStart() ?? "";
  if (format.trimEnd() === "json") {
    return `${encodeJson(listing.json ? listing.json() : listing.rows, 4)}\n`;
  }
  const table = /^table(?=$|\s|\\t|\{\{)(?:\s|\\t)*/.exec(format)?.[0];
  if (format === "" || table === format) return columnsTable(listing);
  return table === undefined
    ? plainRows(listing.format ?? "", listing)
    : fieldsTable(format.slice(table.length), listing);
}

function columnsTable({ rows, columns, noHeading }: Listing): string {
  const templates = columns.map(({ template }) => compileTemplate(template));
  const cells = rows.map((row) => templates.map((template) => printable(template.render(row))));
  return renderTable(cells, noHeading ? undefined : columns.map(({ header }) => header));
}

function fieldsTable(text: string, listing: Listing): string {
  const template = compileTemplate(text, { blanksAreTabs: true });
  const headers = headersByField(listing);
  const heading = headingOf(template.tree.main, (field) => headers.get(field) ?? spelledOut(field));
  const lines = rowTexts(template, text, listing.rows).flatMap((row) => row.split("\n"));
  const cells = lines.map((line) => line.split("\t").map(printable));
  return renderTable(cells, listing.noHeading ? undefined : heading.trimEnd().split("\t"));
}

function plainRows(text: string, { rows }: Listing): string {
  return rowTexts(compileTemplate(text), text.trimStart(), rows)
    .map((row) => `${row}\n`)
    .join("");
}

/** One text for each row, without the newline at its end. */
function rowTexts(template: Template, text: string, rows: readonly object[]): string[] {
  // podman and docker wrap the format in a `range`, except where it brings its own.
  const hasOwnRange = /^\{\{-?\s*range\s+\.\s*-?\}\}/.test(text);
  if (!hasOwnRange) return rows.map((row) => withoutNewline(template.render(row)));
  const all = withoutNewline(template.render(rows));
  return all === "" ? [] : [all];
}

function withoutNewline(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function headersByField({ columns, headers = {} }: Listing): Map<string, string> {
  const byField = new Map<string, string>();
  for (const { header, template } of columns) {
    const field = /^\{\{\s*\.(\w+)\s*\}\}$/.exec(template)?.[1];
    if (field !== undefined) byField.set(field, header);
  }
  for (const [field, header] of Object.entries(headers)) byField.set(field, header);
  return byField;
}

/** `NetworkInterface` as `NETWORK INTERFACE`; `IPv6` and `PIDs` stay one word. */
function spelledOut(field: string): string {
  return field
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z]{2})/g, "$1 $2")
    .toUpperCase();
}

/**
 * The text with everything escaped that would command a terminal or reorder its line: control
 * characters (C0, DEL, C1), line separators, and the overrides of writing direction, with which a
 * name can pass for another. Other Unicode stays.
 */
export function printable(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
    (char) => shortEscapes[char] ?? hexEscape(char.charCodeAt(0)),
  );
}

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function hexEscape(code: number): string {
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
}
