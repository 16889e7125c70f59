"""What a user of Mesa can rely on: each row of the table in abm/docs/mesa.md is a test here, run with every Mesa.

The questions are those of Mesa's own tests of AgentSet, Model, DataCollector, batch_run and its page.
"""
