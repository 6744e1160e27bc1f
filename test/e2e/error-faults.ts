/** Errors that are provoked, what they must say, and whether the command of their hint mends them: a row each. */

/** `DIR` is a directory of the test's own, `web` a container that runs, `idle` one that does not, `data` a volume. */
export interface ErrorFault {
  readonly title: string;
  readonly run: readonly string[];
  readonly error: RegExp;
  readonly hint: RegExp;
  /** Whether the hint, pasted into a shell, ends with 0. */
  readonly fix?: "works";
  readonly env?: Readonly<Record<string, string>>;
  /** Who sees it. */
  readonly only?: "root" | "user";
}

const box = ["run", "--rm", "--network", "none"];

export const errorFaults: readonly ErrorFault[] = [
  // names
  {
    title: "a mistyped container",
    run: ["restart", "--time", "0", "wbe"],
    error: /no such container: wbe/,
    hint: /restart --time 0 web$/,
    fix: "works",
  },
  {
    title: "a container that is not there",
    run: ["start", "nothing-like-it"],
    error: /no such container/,
    hint: /ps --all$/,
    fix: "works",
  },
  {
    title: "a mistyped image",
    run: ["image", "inspect", "helo"],
    error: /no such image: helo/,
    hint: /image inspect hello$/,
    fix: "works",
  },
  {
    title: "an image that is not there",
    run: ["rmi", "nothing/like-it"],
    error: /no such image/,
    hint: /images$/,
    fix: "works",
  },
  {
    title: "a mistyped volume",
    run: ["volume", "inspect", "dta"],
    error: /no such volume: dta/,
    hint: /volume inspect data$/,
    fix: "works",
  },
  {
    title: "a mistyped object",
    run: ["inspect", "wbe"],
    error: /no such object: wbe/,
    hint: /inspect web$/,
    fix: "works",
  },
  {
    title: "a mistyped secret",
    run: ["secret", "inspect", "pasword"],
    error: /no such secret/,
    hint: /secret inspect password$/,
    fix: "works",
  },
  {
    title: "a network that is not there",
    run: ["network", "rm", "nothing-like-it"],
    error: /network nothing-like-it not found/,
    hint: /network ls$/,
    fix: "works",
  },
  {
    title: "a name that is taken",
    run: ["create", "--name", "web", "hello"],
    error: /name "web" is already in use/,
    hint: /--replace/,
  },
  {
    title: "a mistyped command",
    run: ["imges"],
    error: /unknown command "imges"/,
    hint: /cooper images/,
  },
  {
    title: "a mistyped option",
    run: ["run", "--nam", "x", "hello"],
    error: /unknown flag: --nam/,
    hint: /--name/,
  },
  // states
  {
    title: "a kill of what does not run",
    run: ["kill", "idle"],
    error: /idle: it is not running/,
    hint: /start idle$/,
    fix: "works",
  },
  {
    title: "an exec in what does not run",
    run: ["exec", "idle", "true"],
    error: /idle: it is not running/,
    hint: /cooper start idle/,
    fix: "works",
  },
  {
    title: "a removal of what runs",
    run: ["rm", "web"],
    error: /web: it is running/,
    hint: /rm -f web/,
  },
  {
    title: "a mistyped program in an exec",
    run: ["exec", "web", "ech", "x"],
    error: /cannot run "ech": .*one is called "echo"/,
    hint: /exec web echo x$/,
    fix: "works",
  },
  {
    title: "a health check that there is none of",
    run: ["healthcheck", "run", "web"],
    error: /no health check/,
    hint: /--health-cmd/,
  },
  {
    title: "a port that is not published",
    run: ["port", "web", "80"],
    error: /no public port/,
    hint: /port web$/,
    fix: "works",
  },
  // what is asked of a container
  {
    title: "upper case in a name",
    run: ["tag", "hello", "Local/Hello"],
    error: /must be in lower case/,
    hint: /tag hello local\/hello$/,
    fix: "works",
  },
  {
    title: "a volume without a place",
    run: [...box, "-v", "data", "hello", "true"],
    error: /not an absolute path/,
    hint: /-v data:\/data hello true$/,
    fix: "works",
  },
  {
    title: "too little memory",
    run: [...box, "--memory", "1k", "hello", "true"],
    error: /at least 6m/,
    hint: /--memory 6m/,
  },
  {
    title: "a runtime that is not there",
    run: [...box, "--runtime", "runx", "hello", "true"],
    error: /runx is not installed/,
    hint: /run --rm --network none hello true$/,
    fix: "works",
  },
  {
    title: "too few files for the runtime",
    run: [...box, "--ulimit", "nofile=7", "hello", "true"],
    error: /--ulimit nofile is too low/,
    hint: /nofile=64/,
    fix: "works",
  },
  {
    title: "a working directory that is a file",
    run: [...box, "--workdir", "/etc/passwd", "hello", "true"],
    error: /\/etc\/passwd is no directory/,
    hint: /none hello true$/,
    fix: "works",
  },
  {
    title: "a file mounted on a directory",
    run: [...box, "-v", "DIR/text:/etc", "hello", "true"],
    error: /one is a directory and the other a file/,
    hint: /ls -ld/,
    fix: "works",
  },
  {
    title: "a sysctl that is not there",
    run: [...box, "--sysctl", "net.no.such=1", "hello", "true"],
    error: /no sysctl net\.no\.such/,
    hint: /none hello true$/,
    fix: "works",
  },
  {
    title: "processors that are not there",
    run: [...box, "--cpuset-cpus", "900", "hello", "true"],
    error: /processors that this machine does not have/,
    hint: /--cpuset-cpus 0-\d+ /,
    fix: "works",
    only: "root",
  },
  {
    title: "a device that is not there",
    run: [...box, "--device", "/dev/no-such", "hello", "true"],
    error: /no such device/,
    hint: /ls -l \/dev/,
    fix: "works",
  },
  {
    title: "a filter that is not there",
    run: [...box, "--security-opt", "seccomp=DIR/no.json", "hello", "true"],
    error: /seccomp profile .*no\.json/,
    hint: /none hello true$/,
    fix: "works",
  },
  {
    title: "a directory of the host that is not there",
    run: [...box, "--mount", "type=bind,source=DIR/made,target=/x", "hello", "true"],
    error: /does not exist on the host/,
    hint: /mkdir -p .*made/,
    fix: "works",
  },
  {
    title: "variables from a file that is not there",
    run: [...box, "--env-file", "DIR/no.env", "hello", "true"],
    error: /no such file/,
    hint: /ls -l/,
    fix: "works",
  },
  {
    title: "a secret that is not there",
    run: [...box, "--secret", "none-like-it", "hello", "true"],
    error: /secret none-like-it is not there/,
    hint: /secret create none-like-it/,
  },
  {
    title: "ports without a network",
    run: [...box, "-p", "8080:80", "hello", "true"],
    error: /without a network/,
    hint: /run --rm -p 8080:80 hello true$/,
  },
  {
    title: "a user that is not there",
    run: [...box, "--user", "ann", "hello", "true"],
    error: /no user "ann"/,
    hint: /a number/,
  },
  {
    title: "a capability that is not there",
    run: [...box, "--cap-add", "FLY", "hello", "true"],
    error: /unknown capability/,
    hint: /capabilities/,
  },
  // files
  {
    title: "an archive that is none",
    run: ["load", "-i", "DIR/text"],
    error: /the tar ends within an entry/,
    hint: /^file /,
  },
  {
    title: "an archive that is not there",
    run: ["load", "-i", "DIR/no.tar"],
    error: /no such file/,
    hint: /ls -l/,
    fix: "works",
  },
  // registries
  {
    title: "a registry that nobody answers at",
    run: ["pull", "127.0.0.1:1/x"],
    error: /nothing answers at 127\.0\.0\.1:1/,
    hint: /curl -sSI https:\/\/127\.0\.0\.1:1\/v2\//,
  },
  {
    title: "a registry whose name is mistyped",
    run: ["pull", "dokcer.io/library/x"],
    error: /dokcer\.io cannot be resolved/,
    hint: /pull docker\.io\/library\/x$/,
  },
  {
    title: "a registry that has no name",
    run: ["pull", "no-such.invalid/x"],
    error: /no-such\.invalid cannot be resolved/,
    hint: /getent hosts no-such\.invalid/,
  },
  {
    title: "a registry without TLS",
    run: ["pull", "--tls-verify=true", "PLAIN/x"],
    error: /TLS/,
    hint: /pull --tls-verify=false PLAIN\/x$/,
  },
  {
    title: "a registry that wants to know who asks",
    run: ["pull", "PLAIN/closed"],
    error: /does not give out/,
    hint: /cooper login/,
  },
  {
    title: "a registry that has had enough",
    run: ["pull", "PLAIN/limited"],
    error: /refuses more requests .*100 are allowed in 6 hours; it resets at \d\d:\d\d:\d\d UTC/,
    hint: /try again in 60 minutes/,
  },
  {
    title: "an image that a registry does not have",
    run: ["pull", "PLAIN/none"],
    error: /has no .*\/none:latest/,
    hint: /search --list-tags PLAIN\/none$/,
  },
  // the store and its configuration
  {
    title: "a store that is damaged",
    run: ["--root", "DIR/damaged", "ps"],
    error: /database of the store is damaged/,
    hint: /system check/,
  },
  {
    title: "a store at a file",
    run: ["--root", "DIR/text", "ps"],
    error: /cannot be at .*text/,
    hint: /cooper/,
  },
  {
    title: "a store in a place of somebody else",
    run: ["--root", "DIR/of-root/store", "ps"],
    error: /may not write to .*store/,
    hint: /sudo install -d -o .*store/,
    fix: "works",
    only: "user",
  },
  {
    title: "a configuration that is not there",
    run: ["ps"],
    env: { CONTAINERS_CONF: "/no/such.conf" },
    error: /\/no\/such\.conf, which does not exist/,
    hint: /unset CONTAINERS_CONF/,
    fix: "works",
  },
  {
    title: "a configuration that is wrong",
    run: ["ps"],
    env: { CONTAINERS_CONF_OVERRIDE: "DIR/text" },
    error: /text is not valid TOML/,
    hint: /grep -n/,
    fix: "works",
  },
];
