// Real parts take seconds, and more on a machine that many share: three minutes a test, so that the limit only ends what hangs. Two workers for two
// cores, and the longest suites first.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }] },
  testTimeout: 180_000,
  testSequencer: '<rootDir>/test/lab/longest-first.js',
  maxWorkers: 2,
};
