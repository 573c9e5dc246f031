"""Tests of the page of one agent."""
