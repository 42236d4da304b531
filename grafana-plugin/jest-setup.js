// Jest setup provided by Grafana scaffolding
import './.config/jest-setup';
import { configure } from '@testing-library/react';

// A loaded machine takes its time; what is waited for ends the wait.
configure({ asyncUtilTimeout: 30000 });
jest.setTimeout(120000);
