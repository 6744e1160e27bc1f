/** What programs say of what they need from their image, environment and configuration. */
import { shellWords } from "../words.ts";
import { type SaidRule, withOptions } from "./said-rule.ts";

/** Rows in the order in which they are tried. */
export const programWords: readonly SaidRule[] = [
  {
    id: "library-missing",
    pattern:
      /error while loading shared libraries: ([^:]+): (?:cannot open shared object file|.*No such file)|Error loading shared library ([^:]+): No such file/,
    cause: ([, glibc, musl]) => `the library ${glibc ?? musl} is not in the image`,
    advice: ([, glibc, musl]) =>
      `install the package that has ${glibc ?? musl} in the image, or choose an image that has it`,
  },
  {
    id: "library-version",
    pattern:
      /version [`']((?:GLIBC|GLIBCXX|CXXABI)_[\w.]+)' not found(?: \(required by ([^)]+)\))?/,
    cause: ([, version]) =>
      `the program needs ${version}, which is newer than the image's C library`,
    advice: () =>
      "use an image with a newer distribution, or build the program in an image as old as this one",
  },
  {
    id: "symbol-missing",
    pattern: /Error relocating ([^:]+): (\S+): symbol not found/,
    cause: ([, program, symbol]) =>
      `${program} needs ${symbol}, which this image's C library (musl) does not have: it is built for glibc`,
    advice: () => "use an image with glibc (Debian and its kin), or build the program for musl",
  },
  {
    id: "postgres-password",
    pattern: /Database is uninitialized and superuser password is not specified/,
    cause: () =>
      `it needs a password for its database, in POSTGRES_PASSWORD: the image's own script asks for it`,
    change: () => withOptions("-e", "POSTGRES_PASSWORD=change-me"),
    advice: () => "put a password of your own there",
  },
  {
    id: "mysql-password",
    pattern:
      /Database is uninitialized and password option is not specified[\s\S]*?((?:MARIADB|MYSQL)_ROOT_PASSWORD)?/,
    cause: () => `it needs a password for its database: the image's own script asks for it`,
    change: (_, { image }) =>
      withOptions("-e", `${/mariadb/.test(image) ? "MARIADB" : "MYSQL"}_ROOT_PASSWORD=change-me`),
    advice: () => "put a password of your own there",
  },
  {
    id: "variable-missing",
    pattern:
      /(?:^|[:\s])(\w+): (?:unbound variable|parameter (?:not set|null or not set))|[Ee]nvironment variable [`'"“]?(\w+)[`'"”]? (?:is )?(?:not set|required|missing|must be)|(?:[Mm]issing|[Rr]equired) (?:required )?env(?:ironment)?(?: variable)?:? [`'"]?(\w+)|KeyError: '([A-Z][A-Z0-9_]+)'/,
    cause: ([, a, b, c, d]) => `the variable ${a ?? b ?? c ?? d} is not set in its environment`,
    change: ([, a, b, c, d]) => withOptions("-e", `${a ?? b ?? c ?? d}=value`),
    advice: () => "put the right value there",
  },
  {
    id: "no-terminal",
    pattern:
      /not a tty|the input device is not a TTY|inappropriate ioctl for device|TERM environment variable not set|Error opening terminal|standard in must be a tty|can't access tty/i,
    when: ({ hasTty }) => !hasTty,
    cause: () => "it needs a terminal, and was made without one",
    change: () => withOptions("-it"),
  },
  {
    id: "module-missing",
    pattern:
      /(?:ModuleNotFoundError: No module named|Cannot find module|no such module|cannot load such file --) ['"]?([^'"\n]+)/,
    cause: ([, name]) => `the image does not have the module ${name}`,
    advice: () =>
      "install what the program depends on when the image is built; a volume mounted over its directory hides it",
  },
  {
    id: "bad-option",
    pattern:
      /(?:unrecognized|unknown|invalid|illegal|bad) (?:option|flag|argument)(?::| --| '|\s)[^\n]*/i,
    when: ({ exitCode }) => exitCode !== 0,
    cause: ([text]) =>
      `the program does not take an option that it was given (${text.trim().slice(0, 80)})`,
    facts: ({ argv }) => [`it was run as: ${shellWords(argv).slice(0, 200)}`],
    cures: () => [],
    advice: () => "options for cooper stand before the image, those behind it are the program's",
  },
  {
    id: "configuration",
    pattern:
      /(?:syntax error|parse error|invalid configuration|configuration error|\[emerg\]|bad configuration)[^\n]*?(\/[\w./-]+)(?::(\d+))?/i,
    cause: ([, file, line]) =>
      `its configuration is wrong: ${file}${line === undefined ? "" : `, line ${line}`}`,
    advice: ([, file], { name }) =>
      `look at it: ${shellWords(["cooper", "cp", `${name}:${file}`, "-"])}`,
  },
];
