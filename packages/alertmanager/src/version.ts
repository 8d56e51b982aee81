/** The release of the original whose behaviour this is, and ours behind the plus. */
export const version = '0.34.0+pronoia.0.1.0';
export const userAgent = 'Alertmanager/0.34.0';
