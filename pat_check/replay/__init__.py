"""The loop: apply an event to the model, compare what it returned, note what is remarkable."""
