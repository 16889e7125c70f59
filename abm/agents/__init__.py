"""Firms and the market as Mesa knows them."""
