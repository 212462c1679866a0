// A secret by reference: the configuration says where it stands, never what it is.

/** `file`: absolute path on the daemon's machine. `environment`: a variable of the daemon. `command`: run by `sh`, what it prints is the secret. */
export type SecretSource = { readonly file: string } | { readonly environment: string } | { readonly command: string };
